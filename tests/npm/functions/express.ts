/** Answers requests of an Express app without a port: `light-my-request` calls it, and `fetch` returns its answer. */
import express from "npm:express@5.1.0";
import inject from "npm:light-my-request@6.6.0";

const app = express();
app.use(express.json());
app.post("/users/:id", (request: any, response: any) => {
  response.status(201).cookie("seen", "yes").json({ id: request.params.id, body: request.body });
});

async function fetch(request: Request): Promise<Response> {
  const { pathname, search } = new URL(request.url);
  const { statusCode, headers, rawPayload } = await inject(app as any, {
    method: request.method as "GET",
    url: pathname + search,
    headers: Object.fromEntries(request.headers),
    payload: Buffer.from(await request.arrayBuffer()),
  });
  const list = Object.entries(headers).flatMap(([name, value]) =>
    [value ?? []].flat().map((one): [string, string] => [name, String(one)])
  );
  return new Response(new Uint8Array(rawPayload), { status: statusCode, headers: list });
}

export default async () => {
  const init = { method: "POST", headers: { "content-type": "application/json" }, body: '{"a":1}' };
  const response = await fetch(new Request("https://example.com/users/7", init));
  return {
    status: response.status,
    cookies: response.headers.getSetCookie(),
    body: await response.json(),
  };
};
