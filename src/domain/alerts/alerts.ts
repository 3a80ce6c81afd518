import type { AlertRow } from "../../store/alerts.ts";
import type { Store } from "../../store/mod.ts";
import { DomainError } from "../errors.ts";
import type { Ids } from "../ids.ts";
import type { AlertPosts, AlertReceiver, PostOutcome } from "./posts.ts";

/** The name of the alert that {@link Alerts.test} posts. */
const TEST_NAME = "InvokedTest";

/** The alerts that fire, and how their posts go. */
interface AlertReport {
  /** The oldest first. */
  readonly firing: readonly AlertRow[];
  readonly hasReceiver: boolean;
  /** Since when the receiver takes no posts, and why; undefined while it takes posts. */
  readonly failing: { readonly since: string; readonly error: string } | undefined;
}

/** Reads alerts, and tests their receiver. */
export class Alerts {
  constructor(
    private readonly store: Store,
    private readonly posts: Pick<AlertPosts, "send">,
    private readonly receiver: AlertReceiver | undefined,
    private readonly ids: Ids,
  ) {}

  async report(): Promise<AlertReport> {
    const { alerts } = this.store.read;
    const { failingSince, error } = await alerts.posts();
    const isFailing = this.receiver !== undefined && failingSince !== null;
    return {
      firing: await alerts.firing(),
      hasReceiver: this.receiver !== undefined,
      failing: isFailing ? { since: failingSince, error: error ?? "" } : undefined,
    };
  }

  /** The alerts whose beginning or end the receiver has not taken; 0 without a receiver. */
  async countUnposted(): Promise<number> {
    return this.receiver === undefined ? 0 : await this.store.read.alerts.countUnposted();
  }

  /**
   * Posts the beginning of a test alert, and its end if the receiver has taken the beginning.
   * @returns what the receiver answered to each
   * @throws ALERTS_OFF
   */
  async test(): Promise<readonly PostOutcome[]> {
    if (this.receiver === undefined) {
      throw new DomainError(
        "ALERTS_OFF",
        "No alert was posted: start the server with --alert-url or --alert-url-file",
      );
    }
    const { id, time } = this.ids.nextWithTime();
    const begun = {
      id,
      name: TEST_NAME,
      subject: "",
      labels: "{}",
      summary: "Somebody tests where this server posts alerts",
      state: "FIRING",
      startsAt: time.toISOString(),
      endsAt: null,
    } as const;
    const first = await this.posts.send(this.receiver, [begun]);
    if (first.error !== undefined) return [first];
    const ended = { ...begun, state: "ENDED", endsAt: new Date().toISOString() } as const;
    return [first, await this.posts.send(this.receiver, [ended])];
  }
}
