import { createHash } from "node:crypto";
import type { IdempotencyRow, InvocationRow } from "../../store/invocations.ts";
import type { Readers, Store, Writers } from "../../store/mod.ts";
import { DomainError, invalid } from "../errors.ts";
import { locks } from "../locks.ts";

/** How long a key refers to its first invocation. */
const IDEMPOTENCY_TTL_MS = 24 * 60 * 60 * 1000;
const KEY = /^[\x21-\x7e]{1,255}$/;

/** A call with an idempotency key: caller, function, and a hash of the request. */
export interface IdempotentRequest {
  readonly principalId: string;
  readonly functionId: string;
  readonly key: string;
  readonly requestHash: string;
}

/** Answers a repeated call with the first invocation. */
export class Idempotency {
  constructor(private readonly store: Store) {}

  /** @throws INVALID_FIELD for a malformed key */
  request(
    principalId: string,
    call: {
      functionId: string;
      commitId: string;
      vfsId: string;
      idempotencyKey: string | undefined;
      notBefore?: Date | undefined;
    },
    inputJson: string,
  ): IdempotentRequest | undefined {
    const { functionId, commitId, vfsId, idempotencyKey: key, notBefore } = call;
    if (key === undefined) return undefined;
    if (!KEY.test(key)) {
      throw invalid({
        field: "Idempotency-Key",
        description: "must be 1 to 255 visible ASCII characters",
      });
    }
    const content = [commitId, vfsId, inputJson, ...notBefore === undefined ? [] : [notBefore]];
    const requestHash = createHash("sha256").update(JSON.stringify(content)).digest("base64url");
    return { principalId, functionId, key, requestHash };
  }

  /** The invocation that the request repeats, if any. @throws IDEMPOTENCY_KEY_REUSED */
  async find(request: IdempotentRequest | undefined): Promise<string | undefined> {
    return request === undefined ? undefined : await this.holder(this.store.read, request);
  }

  /** The invocation of the call that used the key, if any. */
  async invocationOf(
    principalId: string,
    functionId: string,
    key: string,
  ): Promise<string | undefined> {
    const row = await this.store.read.invocations.idempotencyKey(principalId, functionId, key);
    return row === undefined || row.createdAt < oldest() ? undefined : row.invocationId;
  }

  /** As {@link find}, inside a transaction. */
  async holder(
    from: Pick<Readers | Writers, "invocations">,
    request: IdempotentRequest,
  ): Promise<string | undefined> {
    const { principalId, functionId, key, requestHash } = request;
    const row = await from.invocations.idempotencyKey(principalId, functionId, key);
    if (row === undefined || row.createdAt < oldest()) return undefined;
    if (row.requestHash === requestHash) return row.invocationId;
    throw new DomainError(
      "IDEMPOTENCY_KEY_REUSED",
      `Idempotency-Key ${key} was used before: another request used it within 24 h (invocation ${row.invocationId})`,
      { violations: [{ field: "Idempotency-Key", description: "must be new for a new request" }] },
    );
  }

  /** Ties the key to the invocation, after {@link holder} found it free in the same transaction. */
  async claim(tx: Writers, request: IdempotentRequest, invocation: InvocationRow): Promise<void> {
    const row: IdempotencyRow = {
      ...request,
      invocationId: invocation.id,
      createdAt: invocation.createdAt,
    };
    await tx.invocations.putIdempotencyKey(row);
  }
}

/** Held while the key is looked for and then tied to a call. */
export function lockOf({ principalId, functionId, key }: IdempotentRequest): string {
  return locks.ofIdempotencyKey(principalId, functionId, key);
}

/** Keys of earlier times are free again. */
export function oldest(): string {
  return new Date(Date.now() - IDEMPOTENCY_TTL_MS).toISOString();
}
