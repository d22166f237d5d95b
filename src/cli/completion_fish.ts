/**
 * The completion script for fish.
 *
 * @module
 */

import type { Candidates, CompletedOption, CompletedVerb } from "./completion_model.ts";

/** The script, for `~/.config/fish/completions/starling.fish`. */
export function fishCompletion(verbs: readonly CompletedVerb[]): string {
  const names = verbs.flatMap((verb) => verb.names).join(" ");
  return `# fish completion for starling: starling completions fish > ~/.config/fish/completions/starling.fish

# Whether the command is one of the arguments; with none named it is get.
function __starling_with
    for word in (commandline -opc)[2..]
        if contains -- $word ${names}
            contains -- $word $argv
            return
        end
    end
    contains -- get $argv
end

function __starling_no_command
    for word in (commandline -opc)[2..]
        string match -q -- '-*' $word; or return 1
    end
end

function __starling_torrents
    set -l files (commandline -ct)*.torrent
    string join \\n -- $files
    __fish_complete_directories
end

# The files inside the torrent of the command line.
function __starling_inside
    set -l words (commandline -opc)
    for word in $words[2..]
        set word (string replace -r -- '^~/' "$HOME/" $word)
        if string match -q -- '*.torrent' $word; and test -f $word
            $words[1] completions files $word 2>/dev/null
            return 0
        end
    end
    return 1
end

# The torrent, then a file in it.
function __starling_part
    __starling_inside; or __starling_torrents
end

complete -c starling -f
complete -c starling -n __starling_no_command -a '(__starling_torrents)'
${verbs.map(verbLines).join("\n")}
`;
}

function verbLines(verb: CompletedVerb): string {
  const named = verb.names.map((name) =>
    `complete -c starling -n __starling_no_command -a ${name} -d ${quoted(verb.summary)}`
  );
  const condition = quoted(`__starling_with ${verb.names.join(" ")}`);
  const given = verb.operands.kind === "any"
    ? []
    : [`complete -c starling -n ${condition} ${sourceOf(verb.operands)}`];
  const options = verb.options.map((option) => optionLine(option, condition));
  return [...named, ...given, ...options].join("\n");
}

function optionLine({ long, short, help, value }: CompletedOption, condition: string): string {
  const parts = [`complete -c starling -n ${condition} -l ${long.slice(2)}`];
  if (short !== undefined) parts.push(`-s ${short.slice(1)}`);
  parts.push(`-d ${quoted(help)}`);
  if (value !== undefined) parts.push(value.kind === "file" ? "-r" : "-x", sourceOf(value));
  return parts.join(" ").trimEnd();
}

function sourceOf(value: Candidates): string {
  switch (value.kind) {
    case "torrent":
      return "-a '(__starling_torrents)'";
    case "file":
      return "-F";
    case "folder":
      return "-a '(__fish_complete_directories)'";
    case "inside":
      return "-a '(__starling_inside)'";
    case "part":
      return "-a '(__starling_part)'";
    case "words":
      return `-a ${quoted(value.words.join(" "))}`;
    default:
      return "";
  }
}

function quoted(text: string): string {
  return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
}
