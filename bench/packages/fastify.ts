/** Makes an app at the top of the module, and sends it a request. */
import Fastify from "npm:fastify@5.12.8";

const app = Fastify();
app.get("/", async () => ({ hello: "world" }));

export default async () => (await app.inject({ url: "/" })).json();
