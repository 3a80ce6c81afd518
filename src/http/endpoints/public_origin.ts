/** The scheme and host under which a client reached the server. */
import type { IncomingMessage } from "node:http";
import { invalid } from "../../domain/errors.ts";
import { trustedPeers } from "../client_address.ts";
import { forwardedElements, headerList } from "../forwarded.ts";

const HOST = /^(?:[a-z0-9._-]{1,253}|\[[0-9a-f:.]{2,45}\])(?::\d{1,5})?$/;

/**
 * Finds what requests were sent to. What `X-Forwarded-Proto`, `X-Forwarded-Host` and `Forwarded` say counts if a trusted
 * proxy says it, in this order, and otherwise the header `Host`.
 */
export class PublicOrigins {
  readonly #publicUrl: URL | undefined;
  readonly #scheme: string;
  readonly #isTrusted: (incoming: IncomingMessage) => boolean;

  /** @param url of the server, whose scheme counts where nothing else is known */
  constructor(
    { url, publicUrl, trustedProxies }: {
      readonly url: string;
      readonly publicUrl: string | undefined;
      readonly trustedProxies: readonly string[];
    },
  ) {
    this.#publicUrl = publicUrl === undefined ? undefined : new URL(publicUrl);
    this.#scheme = new URL(publicUrl ?? url).protocol.slice(0, -1);
    this.#isTrusted = trustedPeers(trustedProxies);
  }

  /** The origin of the server itself, such as `https://functions.example.com`. @throws INVALID_FIELD */
  of(incoming: IncomingMessage): string {
    if (this.#publicUrl !== undefined) return this.#publicUrl.origin;
    const host = this.hostOf(incoming);
    if (host === undefined) {
      throw invalid({ field: "Host", description: "is not a valid host name" });
    }
    return `${this.schemeOf(incoming)}://${host}`;
  }

  /** `http` or `https`. */
  schemeOf(incoming: IncomingMessage): string {
    const proto = this.#forwarded(incoming, "proto");
    const isKnown = this.#publicUrl === undefined && (proto === "http" || proto === "https");
    return isKnown ? proto : this.#scheme;
  }

  /** The host in lower case, with its port; undefined for one that is not valid. */
  hostOf(incoming: IncomingMessage): string | undefined {
    const host = this.#forwarded(incoming, "host") ?? incoming.headers.host?.toLowerCase() ?? "";
    return HOST.test(host) ? host : undefined;
  }

  /** What the nearest proxy says, in lower case; undefined if it says nothing or is not trusted. */
  #forwarded(incoming: IncomingMessage, name: "proto" | "host"): string | undefined {
    if (!this.#isTrusted(incoming)) return undefined;
    const { headers } = incoming;
    const said = headerList(headers[`x-forwarded-${name}`]).split(",").at(-1)?.trim() ||
      forwardedElements(headerList(headers.forwarded))[0]?.get(name);
    return said?.toLowerCase();
  }
}
