import { volumePath } from "../../domain/volumes/paths.ts";
import type { Api } from "../client/api.ts";
import { findVolume } from "../client/find.ts";
import type { Volume } from "../client/schemas.ts";
import { describeError, UsageFailure } from "../terminal/failure.ts";

/** The argument of commands about one path on a volume. */
export const PATH_ARGUMENT = "<volume:/path>";
export const PATH_HELP = "VOLUME:/PATH, the volume by name or id";

/** `VOLUME:/PATH` as an argument has it. */
export interface NamedPath {
  /** Name or id. */
  readonly volume: string;
  /** Absolute and normalised. */
  readonly path: string;
  /** Whether it must be a directory, because the argument ends like one. */
  readonly isDirectory: boolean;
  /** Whether it means what is in the directory, and not the directory. */
  readonly isContents: boolean;
}

/**
 * Reads `VOLUME:/PATH`. A text without a colon, or with a slash or dot at its start, is a path of this machine.
 *
 * @returns undefined for a path of this machine
 * @throws {Failure} for a path that no volume can have
 */
export function parseVolumePath(text: string): NamedPath | undefined {
  const [, volume, path = ""] = /^([^/.:][^/:]*):(.*)$/s.exec(text) ?? [];
  if (volume === undefined) return undefined;
  try {
    const isContents = /(^|\/)\.$/.test(path);
    const isDirectory = isContents || path === "" || path.endsWith("/");
    return { volume, path: volumePath(path), isDirectory, isContents };
  } catch (error) {
    throw new UsageFailure(
      `Invalid path ${JSON.stringify(text)}: the path ${describeError(error)}`,
      { next: "write it as VOLUME:/path/to/file" },
    );
  }
}

/** As {@link parseVolumePath}, for arguments that cannot be a path of this machine. */
export function needVolumePath(text: string): NamedPath {
  const named = parseVolumePath(text);
  if (named !== undefined) return named;
  throw new UsageFailure(`${JSON.stringify(text)} is not a path on a volume`, {
    next: `write it as VOLUME:/PATH, such as ${JSON.stringify("data:/in/sales.csv")}`,
  });
}

/** A path on an existing volume. */
export interface VolumePath {
  readonly volume: Volume;
  readonly path: string;
}

/** Finds the volume of a path. */
export async function findVolumePath(api: Api, text: string): Promise<VolumePath> {
  const { volume, path } = needVolumePath(text);
  return { volume: await findVolume(api, volume), path };
}

/** `data:/in/sales.csv` */
export function showVolumePath({ volume, path }: VolumePath): string {
  return `${volume.displayName}:${path}`;
}
