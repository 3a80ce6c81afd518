/** What every part of the benchmark is given. */
export interface Context {
  /** Few rounds and small histories: says that the benchmark works, and little more. */
  readonly isQuick: boolean;
  /** A directory of this run; removed at its end. */
  readonly directory: string;
  /** Where the peers are installed; kept between runs. */
  readonly cacheDirectory: string;
  /** Shows a person that waits what is being measured. */
  progress(line: string): void;
}
