/** Which patterns of operations let a function call nothing, and what their author may have meant. */
import { nearest } from "../config/mod.ts";
import type { TenantAccess } from "./contract.ts";
import { findOperation, operationNames } from "./operation_table.ts";
import { answererOf, methodsByNamespace } from "./operations.ts";
import { allows } from "./patterns.ts";

/**
 * Why a function with a pattern may not call any operation by it; undefined if it may.
 * @param pattern of the form of `isPattern`
 */
export function patternViolation(pattern: string, access: TenantAccess): string | undefined {
  const matched = matchedBy(pattern);
  if (matched.length === 0) {
    return `matches no operation of C1, such as apps.list${hintFor(pattern)}`;
  }
  const isUseful = access === "WRITE" || matched.some((each) => each.access === "READ");
  return isUseful
    ? undefined
    : "matches only operations that change the tenant, which need the access WRITE";
}

function matchedBy(pattern: string) {
  return operationNames().flatMap((name) => {
    const [namespace = "", method = ""] = name.split(".");
    const operation = allows([pattern], { namespace, method })
      ? findOperation(namespace, method)
      : undefined;
    return operation === undefined ? [] : [operation];
  });
}

function hintFor(pattern: string): string {
  const [namespace = "", method = ""] = pattern.split(".");
  if (answererOf(namespace) === "server") {
    return `: this server answers sdk.${namespace}, which needs no tenant`;
  }
  const methods = methodsByNamespace();
  const likelyNamespace = methods.has(namespace) || namespace.includes("*")
    ? namespace
    : nearest(namespace, [...methods.keys()]);
  if (likelyNamespace === undefined) return "";
  const asWritten = `${likelyNamespace}.${method}`;
  const likelyMethod = nearest(method, methods.get(likelyNamespace) ?? []);
  const likely = [asWritten, `${likelyNamespace}.${likelyMethod ?? "*"}`]
    .find((each) => matchedBy(each).length > 0);
  return likely === undefined ? "" : `; did you mean ${likely}?`;
}
