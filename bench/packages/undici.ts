/** Requests from an agent without a network. */
import { MockAgent, request } from "npm:undici@8.12.4";

export default async () => {
  const dispatcher = new MockAgent();
  dispatcher.disableNetConnect();
  dispatcher.get("http://localhost:3000").intercept({ path: "/foo" }).reply(200, "foo");
  const { statusCode, body } = await request("http://localhost:3000/foo", { dispatcher });
  return { statusCode, text: await body.text() };
};
