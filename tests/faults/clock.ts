/** A clock of the server that jumps: libfaketime shows it another time; the machine's clock stays. */

const LIBRARY = /^libfaketimeMT\.so/;
const ROOT = "/usr/lib";

/** The offset of the clock is in a file that the library reads at each look at the clock. */
export class FakeClock implements AsyncDisposable {
  private constructor(private readonly file: string, private readonly library: string) {}

  /** Undefined without libfaketime (apt-get install libfaketime). FAKETIME_LIBRARY names one elsewhere. */
  static async open(): Promise<FakeClock | undefined> {
    const library = Deno.env.get("FAKETIME_LIBRARY") ?? await findLibrary();
    if (library === undefined) return undefined;
    const clock = new FakeClock(
      await Deno.makeTempFile({ prefix: "invoked-test-clock-" }),
      library,
    );
    await clock.set(0);
    return clock;
  }

  /** The environment of a server with this clock. */
  get env(): Record<string, string> {
    return {
      LD_PRELOAD: this.library,
      FAKETIME_TIMESTAMP_FILE: this.file,
      FAKETIME_NO_CACHE: "1",
      FAKETIME_DONT_FAKE_MONOTONIC: "1",
    };
  }

  /** Sets the clock so many seconds ahead of the machine's, or behind it. */
  async set(seconds: number): Promise<void> {
    // Renamed, so that no reader sees half of it.
    const partial = `${this.file}.new`;
    await Deno.writeTextFile(partial, `${seconds < 0 ? "" : "+"}${seconds}\n`);
    await Deno.rename(partial, this.file);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.file);
  }
}

async function findLibrary(): Promise<string | undefined> {
  for await (const { name } of Deno.readDir(ROOT)) {
    const folder = `${ROOT}/${name}/faketime`;
    const files = await Array.fromAsync(Deno.readDir(folder), (file) => file.name).catch(() => []);
    const file = files.find((file) => LIBRARY.test(file));
    if (file !== undefined) return `${folder}/${file}`;
  }
  return undefined;
}
