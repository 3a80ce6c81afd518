/** Changes the limits of cgroups that exist. */

/** For each line with a limit and a directory: sets the limit of memory there, and prints whether that worked. */
const SET_MEMORY = `
while read -r memory directory; do
  worked=no
  for limit in memory.max memory.limit_in_bytes; do
    [ -e "$directory/$limit" ] && echo "$memory" >"$directory/$limit" && worked=yes
  done
  echo "$worked"
done
`;

/** One shell for all changes, because a shell for each would cost more than an invocation. Its disposal ends it. */
export class MemoryLimiter implements AsyncDisposable {
  #shell: Shell | undefined;
  #last: Promise<unknown> = Promise.resolve();

  constructor(private readonly sh: string) {}

  /** Sets the limit of a cgroup of memory. Rejects if the kernel does not take it. */
  set(directory: string, maxBytes: number): Promise<void> {
    const set = this.#last.then(async () => {
      this.#shell ??= new Shell(this.sh);
      const answer = await this.#shell.ask(`${maxBytes} ${directory}`).catch(String);
      if (answer === "yes") return;
      if (answer !== "no") await this.#end();
      throw new Error(`Failed to set the memory limit of ${directory} to ${maxBytes}`);
    });
    this.#last = set.catch(() => {});
    return set;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#last;
    await this.#end();
  }

  async #end(): Promise<void> {
    const shell = this.#shell;
    this.#shell = undefined;
    await shell?.[Symbol.asyncDispose]();
  }
}

/** A running {@link SET_MEMORY}. */
class Shell implements AsyncDisposable {
  readonly #process: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;
  readonly #answers: ReadableStreamDefaultReader<Uint8Array>;

  constructor(sh: string) {
    this.#process = new Deno.Command(sh, {
      args: ["-c", SET_MEMORY],
      clearEnv: true,
      stdin: "piped",
      stdout: "piped",
      stderr: "null",
    }).spawn();
    this.#input = this.#process.stdin.getWriter();
    this.#answers = this.#process.stdout.getReader();
  }

  /** Writes a line, and reads the one that follows. */
  async ask(line: string): Promise<string> {
    await this.#input.write(new TextEncoder().encode(`${line}\n`));
    let answer = "";
    while (!answer.endsWith("\n")) {
      const { value, done } = await this.#answers.read();
      if (done) throw new Error("the shell ended");
      answer += new TextDecoder().decode(value);
    }
    return answer.trimEnd();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#input.close().catch(() => {});
    await this.#answers.cancel().catch(() => {});
    await this.#process.status;
  }
}
