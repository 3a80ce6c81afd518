import type { Kind } from "./kinds.ts";

/** One setting of the server. A setting without a default is optional. */
export interface Setting<T = unknown> {
  /** `max-body` is the flag `--max-body` and the variable `INVOKED_MAX_BODY`. */
  readonly name: string;
  readonly kind: Kind<T>;
  /** Written as a user would write it. */
  readonly default?: string;
  readonly description: string;
  /** Secrets are never flags: the arguments of a process are visible to every user of the machine. */
  readonly variableOnly?: true;
  /** The configuration file has no key for the setting, because the setting names the file. */
  readonly outsideFile?: true;
  /** A running server or worker applies a change in the configuration file on SIGHUP. */
  readonly reloadable?: true;
}

/** A setting by its name and kind. */
export function setting<T, Rest extends Omit<Setting, "name" | "kind">>(
  name: string,
  kind: Kind<T>,
  rest: Rest,
) {
  return { name, kind, ...rest };
}

/** The settings of one group, by their fields in Config. */
export type Rows = Readonly<Record<string, Setting>>;
