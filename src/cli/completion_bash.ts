/**
 * The completion script for bash, 3.2 (macOS) and later.
 *
 * Names of files never pass through `compgen -W`, which would expand `$(…)` in them: a torrent could run
 * commands. They are compared line by line.
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
      local word
      for word in "\${COMP_WORDS[@]:1}"; do
        word=\${word//\\\\/}
        if [[ $word == *.torrent && -f $word ]]; then
          _starling_take < <("\${COMP_WORDS[0]}" completions files "$word" 2>/dev/null)
          compopt -o filenames 2>/dev/null
          break
        fi
      done ;;
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
