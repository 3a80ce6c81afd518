import { LRUCache } from "lru-cache";
import { entriesUpTo } from "../../shared/entries.ts";
import type { DeliveryRow } from "../../store/deliveries.ts";
import type { Store } from "../../store/mod.ts";
import type { TriggerRow } from "../../store/triggers.ts";
import type { Telemetry } from "../../telemetry/contract.ts";
import type { Ids } from "../ids.ts";

/** Deliveries of unproved senders that are recorded for a trigger within a minute. */
const RECORDED_PER_MINUTE_MAX = 10;
const MINUTE_MS = 60_000;
const COUNTED_TRIGGERS_MAX = 10_000;

/** Records the deliveries of webhooks, by which their operator learns why one was rejected. */
export class DeliveryLog {
  readonly #unproved = new LRUCache<string, number>({
    ...entriesUpTo(COUNTED_TRIGGERS_MAX),
    ttl: MINUTE_MS,
  });

  constructor(
    private readonly parts: {
      readonly store: Store;
      readonly ids: Ids;
      readonly telemetry: Telemetry;
    },
  ) {}

  async record(
    row: TriggerRow,
    receivedAt: Date,
    end: Pick<DeliveryRow, "status"> & Partial<DeliveryRow>,
  ): Promise<void> {
    this.parts.telemetry.deliveryAnswered(end.status);
    await this.#write(row, receivedAt, end);
  }

  /** Reports that a delivery has started an invocation, whose transaction has recorded the delivery. */
  started(): void {
    this.parts.telemetry.deliveryAnswered("STARTED" satisfies DeliveryRow["status"]);
  }

  async #write(
    row: TriggerRow,
    receivedAt: Date,
    end: Pick<DeliveryRow, "status"> & Partial<DeliveryRow>,
  ): Promise<void> {
    const delivery = { ...this.newRow(row, receivedAt), ...end };
    await this.parts.store.write((tx) => tx.deliveries.insert(delivery), "committed");
  }

  /** A flood of unproved senders records no more than `RECORDED_PER_MINUTE_MAX`. */
  async recordUnproved(row: TriggerRow, receivedAt: Date, reason: string): Promise<void> {
    const count = (this.#unproved.get(row.id) ?? 0) + 1;
    this.#unproved.set(row.id, count, { noUpdateTTL: true });
    this.parts.telemetry.deliveryAnswered("REFUSED" satisfies DeliveryRow["status"]);
    if (count > RECORDED_PER_MINUTE_MAX) return;
    await this.#write(row, receivedAt, { status: "REFUSED", reason });
  }

  newRow({ id }: TriggerRow, receivedAt: Date): Omit<DeliveryRow, "status"> {
    return {
      id: this.parts.ids.next(),
      triggerId: id,
      receivedAt: receivedAt.toISOString(),
      invocationId: null,
      reason: null,
      eventId: null,
    };
  }
}
