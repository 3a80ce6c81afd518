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
 * bash-completion, and completes no file. This script joins the words that bash splits at colons, equals signs and the
 * like.
 */
const BASH = `# bash completion for invoked

__invoked_complete() {
  local rest=\${COMP_LINE:0:COMP_POINT} last=\${2-} directive=0 index word gap line prefix
  local -a words=()
  for ((index = 0; index <= COMP_CWORD; index++)); do
    word=\${COMP_WORDS[index]}
    gap=\${rest%%[![:space:]]*}
    rest=\${rest:\${#gap}}
    # The word at the cursor ends there.
    if ((index == COMP_CWORD)); then word=$rest; fi
    if ((index == 0)) || [[ $gap ]]; then words+=("$word"); else words[-1]+=$word; fi
    rest=\${rest#"$word"}
  done
  # Only the last part of the word is replaced.
  prefix=\${words[-1]%"$last"}
  COMPREPLY=()
  while IFS= read -r line; do
    case $line in
      :*) directive=\${line#:} ;;
      *) line=\${line%%$'\\t'*} && COMPREPLY+=("\${line#"$prefix"}") ;;
    esac
  done < <(invoked complete -- "\${words[@]:1}" 2>/dev/null)
  if ((directive & 2)); then compopt -o nospace; fi
  if ((directive & 4)); then compopt +o default; fi
}

complete -o default -F __invoked_complete invoked`;
