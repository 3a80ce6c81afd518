import type { TriggerRow } from "../../store/triggers.ts";
import { isAllowedFrom, type SourceNetworks, sourceNetworks } from "../identity/source_networks.ts";
import type { WebhookSettings } from "./settings.ts";

/** The networks from which webhooks accept requests. */
export class WebhookSources {
  /** The networks of rows that are kept in memory; rows are replaced when their trigger changes. */
  readonly #known = new WeakMap<TriggerRow, { readonly networks: SourceNetworks }>();

  /** Whether the networks of a webhook have the address of a sender; without networks, every address may send. */
  allow(
    row: TriggerRow,
    { allowSourceCidrs }: Pick<WebhookSettings, "allowSourceCidrs">,
    remoteAddress: string | undefined,
  ): boolean {
    let known = this.#known.get(row);
    if (known === undefined) {
      known = { networks: sourceNetworks(allowSourceCidrs) };
      this.#known.set(row, known);
    }
    return isAllowedFrom(known.networks, remoteAddress);
  }
}
