import { script } from "@bomb.sh/tab";
import { Argument, type Command } from "commander";
import { addExamples } from "./options/common_options.ts";

const SHELLS = ["bash", "zsh", "fish", "powershell"];

/** `invoked completions`: the script of a shell. */
export function register(command: Command): void {
  command.addArgument(new Argument("<shell>", "Shell of the script").choices(SHELLS));
  addExamples(command, "source <(invoked completions bash)");
  command.action((shell: string) => {
    if (shell === "bash") console.log(BASH);
    else script(shell, "invoked", "invoked");
  });
}

/**
 * The script of the library evaluates the words of the user and the names of the server, needs the package
 * bash-completion, and completes no file. With that package, this one takes words with colons and equals signs.
 */
const BASH = `# bash completion for invoked

__invoked_complete() {
  local cur=\${COMP_WORDS[COMP_CWORD]} cword=$COMP_CWORD directive=0 line
  local -a words=("\${COMP_WORDS[@]}")
  if declare -F _get_comp_words_by_ref >/dev/null; then
    _get_comp_words_by_ref -n "=:" cur cword words
  fi
  COMPREPLY=()
  while IFS= read -r line; do
    case $line in
      :*) directive=\${line#:} ;;
      *) COMPREPLY+=("\${line%%$'\\t'*}") ;;
    esac
  done < <(invoked complete -- "\${words[@]:1:cword}" 2>/dev/null)
  if ((directive & 2)); then compopt -o nospace; fi
  if ((directive & 4)); then compopt +o default; fi
  if declare -F __ltrim_colon_completions >/dev/null; then __ltrim_colon_completions "$cur"; fi
}

complete -o default -F __invoked_complete invoked`;
