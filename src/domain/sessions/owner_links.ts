import { createHash } from "node:crypto";
import type { Store } from "../../store/mod.ts";
import type { Audit } from "../audit/audit.ts";
import { DomainError, type Holder } from "../errors.ts";
import { holderAs, type LiveClients } from "../identity/mod.ts";
import type { OwnerAssertions } from "./owner_assertion.ts";
import type { SessionLink, SessionLinks } from "./session_links.ts";

interface OwnerLinkParts {
  readonly store: Store;
  readonly assertions: OwnerAssertions;
  readonly links: SessionLinks;
  readonly liveClients: Pick<LiveClients, "hostOwner">;
  readonly audit: Audit;
}

/**
 * Break-glass: who can read the master key on the server's host gets a link that signs a browser in as an owner, also when
 * the provider is down and every credential is lost.
 */
export class OwnerLinks {
  constructor(private readonly parts: OwnerLinkParts) {}

  /** @throws ASSERTION_INVALID for an assertion that is forged, expired, for another server, or was used before */
  async create(assertion: string): Promise<SessionLink> {
    const checked = await this.parts.assertions.check(assertion);
    if ("violation" in checked) throw await this.#rejected(checked.violation);
    const { jti, forgetAfter } = checked;
    const fingerprint = createHash("sha256").update(`owner ${jti}`).digest("base64url");
    const link = await this.parts.links.createOfOwner((tx) =>
      tx.assertions.use(fingerprint, forgetAfter)
    );
    if (link === undefined) {
      throw await this.#rejected("it was used before", holderAs(this.parts.liveClients.hostOwner));
    }
    return link;
  }

  /** Records what was rejected. Answers the error. @param holder of an assertion that is signed by the master key */
  async #rejected(violation: string, holder?: Holder): Promise<DomainError> {
    const rejected = { code: "ASSERTION_INVALID", detail: violation } as const;
    await this.parts.audit.record({
      kind: "authentication",
      activity: "owner_link",
      user: holder ?? {},
      rejected,
    });
    return new DomainError(
      rejected.code,
      `The assertion was rejected: ${violation}; run invoked console link --owner on the server's host`,
    );
  }
}
