import { volumePath } from "../../domain/volumes/paths.ts";
import type { Api } from "../client/api.ts";
import { findVolume } from "../client/find.ts";
import type { Volume } from "../client/schemas.ts";
import { describeError, Failure } from "../terminal/failure.ts";

/** What an argument says of a place on a volume. */
export interface Location {
  /** Name or id. */
  readonly volume: string;
  /** As volumes have it: absolute and normalised. */
  readonly path: string;
  /** Whether what is there must be a directory, because the argument ends like one. */
  readonly isDirectory: boolean;
  /** Whether what is in the directory is meant, and not the directory. */
  readonly isContents: boolean;
}

export const LOCATION_HELP = "VOLUME:/PATH, the volume by its name or id";
export const COMMAND_LOCATION = "<volume:/path>";

/**
 * The place that `VOLUME:/PATH` means; undefined for a path of this machine: one that has no colon, or begins with a
 * slash or a dot. @throws {Failure} for a path that no volume can have
 */
export function parseLocation(text: string): Location | undefined {
  const [, volume, path = ""] = /^([^/.:][^/:]*):(.*)$/s.exec(text) ?? [];
  if (volume === undefined) return undefined;
  try {
    const isContents = /(^|\/)\.$/.test(path);
    const isDirectory = isContents || path === "" || path.endsWith("/");
    return { volume, path: volumePath(path), isDirectory, isContents };
  } catch (error) {
    throw new Failure(`${JSON.stringify(text)} ${describeError(error)}`, { exit: "usage" });
  }
}

/** As {@link parseLocation}, where a path of this machine makes no sense. */
export function needLocation(text: string): Location {
  const location = parseLocation(text);
  if (location !== undefined) return location;
  throw new Failure(`${JSON.stringify(text)} names no place on a volume`, {
    next: `write it as VOLUME:/PATH, such as ${JSON.stringify("data:/in/sales.csv")}`,
    exit: "usage",
  });
}

/** A place on a volume that is there. */
export interface Place {
  readonly volume: Volume;
  readonly path: string;
}

/** Finds the volume of a place. */
export async function placeOf(api: Api, text: string): Promise<Place> {
  const { volume, path } = needLocation(text);
  return { volume: await findVolume(api, volume), path };
}

/** `data:/in/sales.csv` */
export function showPlace({ volume, path }: Place): string {
  return `${volume.displayName}:${path}`;
}
