/** Makes an app at the top of the module, and sends it a request. */
import Koa from "npm:koa@3.1.2";
import inject from "npm:light-my-request@6.8.1";

const app = new Koa();
app.use((ctx) => {
  ctx.body = "Hello Koa";
});

export default async () => ({ text: (await inject(app.callback(), { url: "/" })).payload });
