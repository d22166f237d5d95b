/**
 * The completion script for bash, 3.2 (macOS) and later.
 *
 * Names of files never pass through `compgen -W`, which would expand `$(…)` in them: a torrent could run
 * commands. They are compared line by line, and those inside a torrent are quoted here: of what is no file on
 * the disk bash leaves the `$` as it is.
 *
 * @module
 */

import type { Candidates, CompletedVerb } from "./completion_model.ts";

/** The script, to be sourced. */
export function bashCompletion(verbs: readonly CompletedVerb[]): string {
  const names = verbs.flatMap((verb) => verb.names);
  return `# bash completion for starling: source <(starling completions bash)

# Offers the lines of standard input that begin with the word.
_starling_take() {
  local line
  while IFS= read -r line; do
    [[ $line == "$_starling_cur"* ]] && COMPREPLY+=("$line")
  done
}

# What a word of the line says, without its quotes.
_starling_said() {
  local single="'" double='"'
  _starling_word=$1
  case $1 in
    $single*) _starling_word=\${1#?}; _starling_word=\${_starling_word%$single}; return ;;
    $double*) _starling_word=\${1#?}; _starling_word=\${_starling_word%$double} ;;
    "~/"*) _starling_word=$HOME/\${1:2} ;;
  esac
  _starling_word=\${_starling_word//\\\\/}
}

# Offers the lines of standard input that begin with what the word says, quoted as the word is.
_starling_take_quoted() {
  local line _starling_word single="'" double='"' escape='\\'
  _starling_said "$_starling_cur"
  while IFS= read -r line; do
    [[ $line == "$_starling_word"* ]] || continue
    case $_starling_cur in
      $single*) line=\${line//$single/$single$escape$single$single} ;;
      $double*)
        line=\${line//$double/$escape$double}
        line=\${line//'$'/$escape'$'}
        line=\${line//'\`'/$escape'\`'} ;;
      *) printf -v line %q "$line" ;;
    esac
    COMPREPLY+=("$line")
  done
}

# Offers the files in the torrent that is another word of the line, if one is.
_starling_inside() {
  local at _starling_word
  for at in "\${!COMP_WORDS[@]}"; do
    (( at == 0 || at == COMP_CWORD )) && continue
    _starling_said "\${COMP_WORDS[at]}"
    if [[ $_starling_word == *.torrent && -f $_starling_word ]]; then
      _starling_take_quoted < <("\${COMP_WORDS[0]}" completions files "$_starling_word" 2>/dev/null)
      return 0
    fi
  done
  return 1
}

_starling_offer() {
  case $1 in
    torrent)
      _starling_take < <(compgen -d -- "$_starling_cur"; compgen -f -X '!*.torrent' -- "$_starling_cur")
      compopt -o filenames 2>/dev/null ;;
    file)
      _starling_take < <(compgen -f -- "$_starling_cur")
      compopt -o filenames 2>/dev/null ;;
    folder)
      _starling_take < <(compgen -d -- "$_starling_cur")
      compopt -o filenames 2>/dev/null ;;
    inside)
      _starling_inside ;;
    part)
      _starling_inside || _starling_offer torrent ;;
    words)
      shift
      _starling_take < <(printf '%s\\n' "$@") ;;
  esac
}

_starling() {
  local _starling_cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD-1]} verb="" word
  COMPREPLY=()
  # --option=value comes as three words.
  if [[ $_starling_cur == = ]]; then _starling_cur=
  elif [[ $prev == = ]]; then prev=\${COMP_WORDS[COMP_CWORD-2]}
  fi
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case $word in
      ${names.join("|")}) verb=$word; break ;;
      *.torrent|*/*|magnet:*) verb="get"; break ;;
    esac
  done
  if [[ -z $verb && $_starling_cur != -* ]]; then
    _starling_offer words ${names.join(" ")}
    _starling_offer torrent
    return
  fi
  : "\${verb:=get}"
  case "$verb $prev" in
${valueCases(verbs)}
  esac
  if [[ $_starling_cur == -* ]]; then
    case $verb in
${optionCases(verbs)}
    esac
    return
  fi
  case $verb in
${operandCases(verbs)}
  esac
}
complete -F _starling starling
`;
}

/** `"get --allocate") _starling_offer words sparse full none; return ;;` for every option with a value. */
function valueCases(verbs: readonly CompletedVerb[]): string {
  const patterns = new Map<string, string[]>();
  for (const { names, options } of verbs) {
    for (const { long, short, value } of options) {
      if (value === undefined) continue;
      const offer = offerOf(value);
      const spellings = short === undefined ? [long] : [long, short];
      const own = names.flatMap((name) => spellings.map((spelling) => `"${name} ${spelling}"`));
      patterns.set(offer, [...patterns.get(offer) ?? [], ...own]);
    }
  }
  return [...patterns].map(([offer, own]) => `    ${own.join("|")}) ${offer} return ;;`).join("\n");
}

function optionCases(verbs: readonly CompletedVerb[]): string {
  return verbs.map(({ names, options }) =>
    `      ${names.join("|")}) _starling_offer words ${
      options.map(({ long }) => long).join(" ")
    } ;;`
  ).join("\n");
}

function operandCases(verbs: readonly CompletedVerb[]): string {
  return verbs.map(({ names, operands }) =>
    `    ${names.join("|")}) ${offerOf(operands).slice(0, -1)} ;;`
  )
    .join("\n");
}

function offerOf(value: Candidates): string {
  if (value.kind === "any") return ":;";
  const words = value.kind === "words" ? ` ${value.words.join(" ")}` : "";
  return `_starling_offer ${value.kind}${words};`;
}
