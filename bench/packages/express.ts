/** Makes an app at the top of the module, and sends it a request. */
import express from "npm:express@5.3.0";
import inject from "npm:light-my-request@6.8.1";

const app = express();
app.get("/", (_request, response) => response.send("Hello World"));

export default async () => ({ text: (await inject(app, { url: "/" })).payload });
