/**
 * The completion script for zsh.
 *
 * @module
 */

import type { Candidates, CompletedOption, CompletedVerb } from "./completion_model.ts";

/** The script: a file `_starling` on `fpath`, or to be sourced after `compinit`. */
export function zshCompletion(verbs: readonly CompletedVerb[]): string {
  const list = verbs.flatMap(({ names, summary }) =>
    names.map((name) => `    ${quoted(`${name}:${summary}`)}`)
  );
  return `#compdef starling
# zsh completion for starling: starling completions zsh > "\${fpath[1]}/_starling"

_starling_torrents() { _files -g '*.torrent(-.)' }

# The files inside the torrent of the command line.
_starling_inside() {
  local word
  local -a inside
  for word in "\${(@Q)words[1,CURRENT-1]}" "\${(@Q)words[CURRENT+1,-1]}"; do
    [[ $word == '~/'* ]] && word=$HOME/\${word#'~/'}
    if [[ $word == *.torrent && -f $word ]]; then
      inside=("\${(@f)$("$_starling_command" completions files "$word" 2>/dev/null)}")
      compadd -a inside
      return 0
    fi
  done
  return 1
}

# The torrent, then a file in it.
_starling_part() { _starling_inside || _starling_torrents }

_starling() {
  local curcontext=$curcontext state line _starling_command=\${(Q)words[1]}
  local -a commands
  commands=(
${list.join("\n")}
  )
  _arguments -C '1: :->command' '*:: :->rest' && return
  if [[ $state == command ]]; then
    _describe -t commands command commands
    _starling_torrents
    return
  fi
  case $words[1] in
${verbs.map(verbCase).join("\n")}
    *) _arguments -s -S ${(argumentsOf(verbs[0]!)).join(" ")} ;;
  esac
}

if [[ $funcstack[1] == _starling ]]; then _starling "$@"; else compdef _starling starling; fi
`;
}

function verbCase(verb: CompletedVerb): string {
  return `    ${verb.names.join("|")})
      _arguments -s -S \\
        ${argumentsOf(verb).join(" \\\n        ")} ;;`;
}

function argumentsOf({ options, operands }: CompletedVerb): string[] {
  const own = options.flatMap(specsOf);
  return operands.kind === "any" ? own : [...own, quoted(`*:${actionOf(operands)}`)];
}

/** `'(-o --output)'{-o+,--output=}'[help]:value:action'`, spelled out for each spelling. */
function specsOf({ long, short, help, value }: CompletedOption): string[] {
  const what = `[${escaped(help)}]${value === undefined ? "" : `:${actionOf(value)}`}`;
  const spellings = short === undefined ? [long] : [long, short];
  return spellings.map((spelling) => {
    const isLong = spelling.startsWith("--");
    const end = value === undefined ? "" : isLong ? "=" : "+";
    return quoted(`*${spelling}${end}${what}`);
  });
}

/** A name for what is expected, and how it is found. */
function actionOf(value: Candidates): string {
  switch (value.kind) {
    case "torrent":
      return "torrent:_starling_torrents";
    case "file":
      return "file:_files";
    case "folder":
      return "folder:_files -/";
    case "inside":
      return "file in the torrent:_starling_inside";
    case "part":
      return "torrent or file in it:_starling_part";
    case "words":
      return `value:(${value.words.join(" ")})`;
    default:
      return "value: ";
  }
}

/** What `_arguments` and `_describe` would read as their own. */
function escaped(text: string): string {
  return text.replace(/[\\[\]:]/g, "\\$&");
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
