/**
 * `@c1/functions-sdk` as functions import it. The builder bundles this module into every script that imports it,
 * without the parts that the function does not use.
 */
import type { Sdk } from "./api.ts";
import { createSdk } from "./client.ts";
import { invoked } from "./host.ts";

export type * from "./api.ts";
export type * from "./api_request.ts";
export type * from "./api_types.ts";
export type { InvocationHttp } from "./http_types.ts";
export type * from "./audit_methods.ts";
export type * from "./identity_methods.ts";
export type * from "./server_methods.ts";
export type * from "./trigger_methods.ts";
export type * from "./trigger_types.ts";
/** The messages of a C1 tenant. */
export type * as shared from "./tenant_types.d.ts";
export { SDKError } from "./api_error.ts";
export type {
  CallContext,
  CallTrace,
  ExportedHandler,
  FetchContext,
  FetchHandler,
  Handler,
} from "./handler.ts";
export type { JSONArray, JSONObject, JSONValue } from "./json.ts";

/** The configuration of this function. */
export interface FunctionsConfig {
  /** Values by name, as of the start of this invocation. */
  secrets: Record<string, string>;
  /** Plain values by name, as of the acceptance of this invocation. */
  variables: Record<string, string>;
}

/** What a function can read about itself. */
export const functions = {
  /** The configuration of this function; each call returns a new copy. */
  getConfig(): FunctionsConfig {
    const { secrets, variables } = invoked("functions.getConfig()");
    return { secrets: { ...secrets }, variables: { ...variables } };
  },
};

/**
 * C1's API, called as this function: this server with the permissions of the service principal that it is bound to, or else
 * of its `scopedRoleIds`, and its C1 tenant. Every method rejects with {@link SDKError}, also one that does not exist.
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
