/**
 * `@c1/functions-sdk` as functions import it. The builder bundles this module into the script of every
 * commit that names it; what a function does not use is left out.
 */
import { invoked } from "./host.ts";

/** A value that JSON can carry. */
export type JSONValue = string | number | boolean | null | JSONObject | JSONArray;
/** A list of values that JSON can carry. */
export type JSONArray = JSONValue[];
/** What a function takes and returns. */
export type JSONObject = { [key: string]: JSONValue };

/** What the operator set for this function. */
export interface FunctionsConfig {
  /** Values by name, as they were when this call began. */
  secrets: Record<string, string>;
}

/** What a function can ask about itself. */
export const functions = {
  /** The configuration of this function. Each answer is the caller's own copy. */
  getConfig(): FunctionsConfig {
    return { secrets: { ...invoked("functions.getConfig()").secrets } };
  },
};

export { vfs, VfsFile, VfsNotAttachedError, VfsQuotaExceededError } from "./vfs.ts";
export type {
  VfsDirEntry,
  VfsFileInfo,
  VfsMkdirOptions,
  VfsOpenOptions,
  VfsRemoveOptions,
  VfsWriteFileOptions,
} from "./vfs.ts";
