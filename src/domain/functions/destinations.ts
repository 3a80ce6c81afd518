import type { FunctionSettings } from "../../resources/functions.ts";
import type { FunctionRow } from "../../store/functions.ts";
import type { Store, Writers } from "../../store/mod.ts";
import type { Sealer } from "../../store/sealing.ts";
import { isAllowed } from "../../sandbox/mod.ts";
import { DomainError, invalid } from "../errors.ts";
import { type Principal, shownId } from "../identity/mod.ts";
import { liveFunction } from "../references.ts";
import { checkStandardSecret, STANDARD_FORM } from "../standard_secret.ts";

/** The settings of a function that name a destination, each with the end of the invocations that are sent there. */
const DESTINATION_EVENTS = ["onSuccess", "onFailure"] as const;
export type DestinationEvent = (typeof DESTINATION_EVENTS)[number];

/** A destination as it is stored. */
type Target = { readonly functionId: string } | { readonly url: string };

/** The stored destination. */
export function targetOf(json: string): Target {
  return JSON.parse(json) as Target;
}

/** Functions that are visited to find a cycle of destinations. */
const VISITED_MAX = 1_000;

/** The destinations that a request sets. */
type WantedDestinations = Pick<FunctionSettings, DestinationEvent>;

/** Checks the destinations of functions, and seals their secrets. */
export class DestinationSettings {
  constructor(private readonly store: Store, private readonly sealer: Sealer) {}

  /**
   * Checks destinations that change.
   * @param by whose errors name other functions only as far as the caller may read them
   * @param fn as it will be
   * @param prefix of the fields in the request
   * @throws INVALID_FIELD, FUNCTION_NOT_FOUND
   */
  async check(
    by: Principal,
    fn: Pick<FunctionRow, "id" | "outboundNetworkAllowlist">,
    wanted: WantedDestinations,
    changed: readonly string[],
    prefix: string,
  ): Promise<void> {
    for (const event of DESTINATION_EVENTS.filter((one) => changed.includes(one))) {
      const field = prefix + event;
      const { functionId, url } = wanted[event] ?? {};
      if (functionId && url) {
        throw invalid({ field, description: "must have either functionId or url" });
      }
      if (functionId) await this.#checkCycle(by, fn.id, functionId, `${field}.functionId`);
      const violation = url ? urlViolation(url, fn) : undefined;
      if (violation !== undefined) throw invalid({ field: `${field}.url`, description: violation });
    }
  }

  /** Writes the secrets of destinations that change. @throws INVALID_FIELD for a URL that has none */
  async writeSecrets(
    tx: Writers,
    functionId: string,
    wanted: WantedDestinations,
    changed: readonly string[],
    prefix: string,
  ): Promise<void> {
    for (const event of DESTINATION_EVENTS.filter((one) => changed.includes(one))) {
      const { url, secret } = wanted[event] ?? {};
      const field = `${prefix}${event}.secret`;
      if (!url) await tx.functions.deleteDestinationSecret(functionId, event);
      else if (secret) {
        checkStandardSecret(secret, field);
        const context = destinationSecretContext(functionId, event);
        const sealed = this.sealer.seal(new TextEncoder().encode(secret), context);
        await tx.functions.putDestinationSecret({ functionId, event, sealed });
      } else if (await tx.functions.destinationSecret(functionId, event) === undefined) {
        throw invalid({ field, description: `is missing: ${STANDARD_FORM}` });
      }
    }
  }

  /** The secret that signs what goes to the URL; undefined if it was deleted meanwhile. */
  async secret(functionId: string, event: DestinationEvent): Promise<string | undefined> {
    const sealed = await this.store.read.functions.destinationSecret(functionId, event);
    if (sealed === undefined) return undefined;
    const context = destinationSecretContext(functionId, event);
    return new TextDecoder().decode(this.sealer.open(sealed, context));
  }

  /**
   * Follows destinations from the target on. Two concurrent requests may create a cycle: the depth of invocations
   * bounds it.
   */
  async #checkCycle(
    by: Principal,
    id: string,
    target: string,
    field: string,
  ): Promise<void> {
    const { read } = this.store;
    await liveFunction(read, target);
    const paths: (readonly string[])[] = [[target]];
    const visited = new Set<string>();
    for (let path = paths.shift(); path !== undefined; path = paths.shift()) {
      const last = path.at(-1) ?? "";
      if (last === id) {
        const cycle = [id, ...path].map((one) => shownId(by, one) ?? "another").join(" -> ");
        throw invalid({ field, description: `makes a cycle of destinations: ${cycle}` });
      }
      if (visited.has(last) || visited.size >= VISITED_MAX) continue;
      visited.add(last);
      const row = await read.functions.get(last);
      paths.push(...functionTargets(row).map((next) => [...path, next]));
    }
  }
}

/** Asserts that no destination of a function names this one. @throws FUNCTION_IN_USE */
export async function assertNoDestination(
  tx: Writers,
  by: Principal,
  functionId: string,
): Promise<void> {
  const json = JSON.stringify({ functionId } satisfies Target);
  const other = await tx.functions.withDestination(json, functionId);
  if (other === undefined) return;
  const id = shownId(by, other);
  throw new DomainError(
    "FUNCTION_IN_USE",
    id === undefined
      ? `Function ${functionId} is in use: it is a destination of another function`
      : `Function ${functionId} is in use: it is a destination of function ${id}; change function ${id} first`,
  );
}

/** The context that binds a sealed secret to its destination. */
export function destinationSecretContext(functionId: string, event: string): string {
  return `destination:${functionId}:${event}`;
}

function functionTargets(
  row: Pick<FunctionRow, "onSuccess" | "onFailure"> | undefined,
): string[] {
  return [row?.onSuccess, row?.onFailure].flatMap((json) => {
    const target = json ? targetOf(json) : undefined;
    return target !== undefined && "functionId" in target ? [target.functionId] : [];
  });
}

function urlViolation(
  url: string,
  { outboundNetworkAllowlist }: Pick<FunctionRow, "outboundNetworkAllowlist">,
): string | undefined {
  switch (isAllowed(url, JSON.parse(outboundNetworkAllowlist) as string[])) {
    case "allowed":
      return undefined;
    case "no-url":
      return "must be an http or https URL without user and password";
    case "denied":
      return "its host and port are not in the function's outboundNetworkAllowlist";
  }
}
