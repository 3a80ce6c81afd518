/** Makes an app at the top of the module, and sends it a request. */
import { Hono } from "npm:hono@4.13.19";

const app = new Hono();
app.get("/", (c) => c.text("Hello Hono!"));

export default async () => ({ text: await (await app.request("/")).text() });
