import type { Store } from "../../store/mod.ts";
import type { Telemetry } from "../../telemetry/contract.ts";
import type { Audit } from "../audit/audit.ts";
import { DomainError } from "../errors.ts";
import type { Principal } from "../identity/mod.ts";
import {
  type Erased,
  type ExpiredOfKind,
  plus,
  reportErased,
  type Sweeper,
} from "../retention/erasure.ts";
import type { Eraser } from "./eraser.ts";

/** The operation, for its event in the audit log. */
export const PURGE_EXPIRED = "invoked.RetentionService.PurgeExpired";

/** What the sweeps would erase next, and their work at once on request. */
export class ExpiredData {
  #isRunning = false;

  /** @param sweepers each erases kinds that no other one does */
  constructor(
    private readonly store: Pick<Store, "read" | "auditScopes">,
    private readonly sweepers: readonly Sweeper[],
    private readonly eraser: Pick<Eraser, "reclaimSoon">,
    private readonly audit: Pick<Audit, "record">,
    private readonly telemetry: Pick<Telemetry, "retentionErased">,
  ) {}

  /** What {@link purge} would erase now; kinds without such data have the count 0. */
  async preview(): Promise<readonly ExpiredOfKind[]> {
    const nowMs = Date.now();
    const found: ExpiredOfKind[] = [];
    for (const sweeper of this.sweepers) found.push(...await sweeper.expired(nowMs));
    return found;
  }

  /**
   * Erases what has expired by now, and records who did so. After an error or a stop, the sweeps erase the rest.
   * @returns how many of each kind were erased
   * @throws PURGE_RUNNING
   */
  async purge(by: Principal): Promise<Erased> {
    await this.#assertNoPurge();
    this.#isRunning = true;
    try {
      // Sweeps record events of their own, as the server.
      return await this.store.auditScopes.outside(() => this.#erase(by, Date.now()));
    } finally {
      this.#isRunning = false;
    }
  }

  async #erase(by: Principal, nowMs: number): Promise<Erased> {
    let all: Erased = new Map();
    try {
      for (const sweeper of this.sweepers) {
        const erased = await sweeper.erase(nowMs);
        reportErased(erased, this.telemetry);
        all = plus(all, erased);
      }
      return all;
    } finally {
      this.eraser.reclaimSoon();
      await this.audit.record({
        kind: "call",
        operation: PURGE_EXPIRED,
        activity: "delete",
        actor: by,
        resources: [],
        facts: Object.fromEntries(all),
      });
    }
  }

  /** Both would erase the same invocations, and neither would know how many were its own. */
  async #assertNoPurge(): Promise<void> {
    const next = "wait for its end, and repeat the command";
    if (this.#isRunning) {
      throw new DomainError(
        "PURGE_RUNNING",
        `Nothing was purged: another purge of expired data is running; ${next}`,
      );
    }
    const [running] = await this.store.read.purges.unfinished();
    if (running === undefined) return;
    throw new DomainError(
      "PURGE_RUNNING",
      `Nothing was purged: purge ${running.id} of ${running.purgedBy} is running; ${next}`,
    );
  }
}
