/** What a principal approves and begins while somebody disables it: nothing of that is left, whichever is first. */
import assert from "node:assert/strict";
import { DomainError } from "../../../src/domain/errors.ts";
import { OAuthError } from "../../../src/domain/identity/mod.ts";
import { INVOKED_DEVICE_CLIENT as clientId } from "../../../src/resources/clients.ts";
import { DeviceNode } from "../../identity/device_node.ts";
import type { Steps } from "./rows.ts";

const ROUNDS = 6;
const BROWSER = { address: "127.0.0.1", userAgent: undefined };

/** What came of work: its value, or the code of its error. */
async function outcome<T>(work: Promise<T>): Promise<{ readonly value: T } | string> {
  try {
    return { value: await work };
  } catch (error) {
    if (error instanceof DomainError) return error.reason;
    if (error instanceof OAuthError) return error.error;
    throw error;
  }
}

const codeIn = ({ url }: { readonly url: string }) => new URL(url).hash.replace("#code=", "");

/**
 * Lets principals approve a device, make a link and begin a session at one node, while another one disables the principal.
 * What came before the disabling ends with it for good; what came after is rejected.
 */
export async function approvesWhileDisabled(
  node: DeviceNode,
  other: DeviceNode,
  rounds: number,
): Promise<void> {
  const owner = await node.newOwner("owner");
  const disable = (id: string, disabled: boolean) =>
    other.request(({ principals }) => principals.update(owner, id, { disabled }, undefined));
  for (let round = 0; round < rounds; round++) {
    const by = await node.newOwner(`approver ${round}`);
    const earlier = codeIn(await node.request(({ links }) => links.create(by)));
    const { userCode, deviceCode } = await node.request(({ flow }) =>
      flow.begin({ clientId, scope: "", resources: [], address: "", sender: by.id })
    );
    const begin = (code: string) =>
      outcome(node.request(({ sessions }) => sessions.signIn(code, BROWSER, undefined)));
    const act = () =>
      Promise.all([
        outcome(node.request(({ flow }) => flow.approve(by, userCode))),
        outcome(node.request(({ links }) => links.create(by))),
        begin(earlier),
      ]);
    const [approval, link, session] = round % 2 === 0
      ? (await Promise.all([act(), disable(by.id, true)]))[0]
      : (await Promise.all([disable(by.id, true), act()]))[1];
    // Once it is enabled again, nothing of before comes back.
    await disable(by.id, false);
    const redeem = () =>
      outcome(node.request((own) => own.redeem(clientId, deviceCode, undefined)));
    if (typeof approval === "string") {
      assert.deepEqual([approval, await redeem()], ["TOKEN_INVALID", "authorization_pending"]);
    } else assert.equal(await redeem(), "access_denied");
    if (typeof link === "string") assert.equal(link, "TOKEN_INVALID");
    else assert.equal(await begin(codeIn(link.value)), "LINK_INVALID");
    if (typeof session === "string") assert.equal(session, "LINK_INVALID");
    else assert.equal(await node.sessions.find(session.value.token, undefined), undefined);
  }
}

export const APPROVALS: Steps = {
  "what a principal approves and begins ends as the principal is disabled": async (store) => {
    await using node = new DeviceNode(store);
    await approvesWhileDisabled(node, node, ROUNDS);
  },
};
