/**
 * `@c1/functions-sdk` as functions import it. The builder bundles this module into the script of every
 * commit that names it; what a function does not use is left out.
 */
import type { Sdk } from "./api.ts";
import { createSdk } from "./client.ts";
import { invoked } from "./host.ts";

export type * from "./api.ts";
export type * from "./api_types.ts";
export { SDKError } from "./api_error.ts";
export type { JSONArray, JSONObject, JSONValue } from "./json.ts";

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

/**
 * C1's API, called as this function: what it may do is what its `scopedRoleIds` allow. Every method rejects with
 * {@link SDKError}, also one that this server does not have.
 */
export const sdk: Sdk = /* @__PURE__ */ createSdk();

export { vfs, VfsFile, VfsNotAttachedError, VfsQuotaExceededError } from "./vfs.ts";
export type {
  VfsDirEntry,
  VfsFileInfo,
  VfsMkdirOptions,
  VfsOpenOptions,
  VfsRemoveOptions,
  VfsWriteFileOptions,
} from "./vfs.ts";
