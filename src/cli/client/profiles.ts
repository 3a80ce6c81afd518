import { join } from "node:path";
import { z } from "zod";
import { Secret } from "../../config/secret.ts";
import { writePrivateFile } from "../../shared/files.ts";
import { describeError, Failure, UsageFailure } from "../terminal/failure.ts";
import { parseJson } from "./api_error.ts";

/** The profile of commands that name none. */
export const DEFAULT_PROFILE = "default";

const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
const ENDING = ".json";

/** A server with the credentials of a client, as `invoked login` keeps it. */
export interface Profile {
  /** Without a trailing slash. */
  readonly serverUrl: string;
  readonly clientId: string;
  readonly clientSecret: Secret;
  /** Certificates in PEM that are trusted besides those of the system. */
  readonly caCerts: readonly string[];
  /** Whether the server is a C1 tenant, to which the secret is not sent. */
  readonly isTenant?: boolean | undefined;
  /** The id of the client, if `invoked login` created the client: then `invoked logout` deletes it. */
  readonly personalClientId?: string | undefined;
}

const ProfileFile = z.object({
  serverUrl: z.url({ protocol: /^https?$/ }),
  clientId: z.string().min(1),
  clientSecret: z.string().min(1),
  caCerts: z.array(z.string()).default([]),
  isTenant: z.boolean().optional(),
  personalClientId: z.string().min(1).optional(),
});

/** Whether a text can name a profile. */
export function isProfileName(text: string): boolean {
  return NAME.test(text);
}

/** @throws {Failure} for a text that names no profile */
export function checkProfileName(name: string): void {
  if (isProfileName(name)) return;
  throw new UsageFailure(
    `Invalid profile name ${
      JSON.stringify(name)
    }: a name has 1 to 64 letters, digits, dots, hyphens ` +
      "and underscores, and begins with a letter or digit",
    { next: "choose another name, such as acme-staging" },
  );
}

/**
 * The profiles of this user: one file each, in a folder of the user's configuration. Only the user may read the files
 * (0600) and write into the folder (0700).
 */
export class Profiles {
  /** @param directory undefined if the environment names no folder for the user's configuration */
  constructor(private readonly directory: string | undefined) {}

  /** Whether the environment names a folder for them. */
  get isAvailable(): boolean {
    return this.directory !== undefined;
  }

  /** The file of a profile. @throws {Failure} for an invalid name, and without a folder */
  pathOf(name: string): string {
    checkProfileName(name);
    return join(this.#folder(), `${name}${ENDING}`);
  }

  /**
   * Undefined if the profile does not exist. @throws {Failure} for a file that other users can read, or that is not a
   * profile
   */
  async read(name: string): Promise<Profile | undefined> {
    const path = this.pathOf(name);
    const text = await readOwnFile(path, this.#folder());
    if (text === undefined) return undefined;
    const parsed = ProfileFile.safeParse(parseJson(text));
    if (!parsed.success) {
      throw new UsageFailure(
        `Invalid profile in ${path}: the file is not a JSON object with serverUrl, clientId and ` +
          "clientSecret",
        { next: `log in again with invoked login --profile ${name}` },
      );
    }
    const { serverUrl, clientSecret, ...others } = parsed.data;
    return {
      ...others,
      serverUrl: new URL(serverUrl).origin,
      clientSecret: new Secret(clientSecret),
    };
  }

  /** Adds or replaces a profile, atomically. */
  async write(name: string, profile: Profile): Promise<void> {
    const path = this.pathOf(name);
    const file = { ...profile, clientSecret: profile.clientSecret.reveal() };
    try {
      await Deno.mkdir(this.#folder(), { recursive: true, mode: 0o700 });
      await Deno.chmod(this.#folder(), 0o700);
      await writePrivateFile(path, `${JSON.stringify(file, null, 2)}\n`);
    } catch (error) {
      throw new Failure(`Failed to write the profile ${path}: ${describeError(error)}`);
    }
  }

  /** False if the profile does not exist. */
  async remove(name: string): Promise<boolean> {
    const path = this.pathOf(name);
    try {
      await Deno.remove(path);
      return true;
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return false;
      throw new Failure(`Failed to remove the profile ${path}: ${describeError(error)}`);
    }
  }

  /** In the order of their names. */
  async names(): Promise<string[]> {
    if (this.directory === undefined) return [];
    const names: string[] = [];
    try {
      for await (const { name } of Deno.readDir(this.directory)) {
        const profile = name.slice(0, -ENDING.length);
        if (name.endsWith(ENDING) && NAME.test(profile)) names.push(profile);
      }
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return [];
      throw new Failure(`Failed to read ${this.directory}: ${describeError(error)}`);
    }
    return names.toSorted();
  }

  #folder(): string {
    if (this.directory !== undefined) return this.directory;
    throw new UsageFailure("No directory for profiles: the environment names no home directory", {
      next: "set HOME or XDG_CONFIG_HOME to an absolute path",
    });
  }
}

/** The text of a file that is only this user's; undefined if it does not exist. */
async function readOwnFile(path: string, folder: string): Promise<string | undefined> {
  try {
    using file = await Deno.open(path, { read: true });
    // Of the open file: another file may have its path by now.
    const violation = violationOf(path, await file.stat(), 0o077) ??
      violationOf(folder, await Deno.stat(folder), 0o022);
    if (violation !== undefined) throw violation;
    return await new Response(file.readable).text();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    if (error instanceof Failure) throw error;
    throw new UsageFailure(`Failed to read the profile in ${path}: ${describeError(error)}`, {
      next: "correct the permissions of the file, or make it anew with invoked login",
    });
  }
}

/** @param forbidden bits of the mode */
function violationOf(
  path: string,
  { uid, mode }: Deno.FileInfo,
  forbidden: number,
): Failure | undefined {
  const isFile = forbidden === 0o077;
  if (uid !== null && uid !== Deno.uid()) {
    return new UsageFailure(`${path} belongs to another user`, {
      next: "remove it, then log in again with invoked login",
    });
  }
  if (mode === null || (mode & forbidden) === 0) return undefined;
  const shown = (mode & 0o777).toString(8).padStart(4, "0");
  return new UsageFailure(
    `${path} is not private: other users can ${isFile ? "read" : "write into"} it (mode ${shown})`,
    { next: `run chmod ${isFile ? "600" : "700"} ${JSON.stringify(path)}` },
  );
}
