/** From a one-time link to functions of one's own: the first run, a first function, each template, and the API's page. */
import { browserTest, ConsoleBrowser } from "../support/console.ts";
import { TestServer } from "../support/server.ts";
import { showsOperations } from "./docs_page.ts";
import { firstFunction } from "./first_function.ts";
import { firstRun, signsOut, worksNarrow } from "./first_run.ts";
import type { Journey } from "./stage.ts";
import { everyTemplate } from "./templates.ts";

browserTest("console: from a link to functions of one's own", async (t) => {
  await using server = await TestServer.start({
    env: {
      INVOKED_MAX_EVENT_STREAMS: "1",
      INVOKED_ALERT_INTERVAL: "1s",
      // No public address: the server posts nothing there.
      INVOKED_ALERT_URL: "http://127.0.0.1:9/",
    },
  });
  await using console = await ConsoleBrowser.open(server, { hasLanguageService: false });
  const journey: Journey = { server, client: await server.client(), console };
  await t.step(
    "console: first run, functions, overview and settings",
    (t) => firstRun(t, journey),
  );
  await t.step("console: works by keyboard alone, and at 390 px", (t) => worksNarrow(t, journey));
  await t.step("console: a new user's first function", (t) => firstFunction(t, journey));
  await t.step(
    "console: every template is created, run and tested",
    (t) => everyTemplate(t, journey),
  );
  await t.step(
    "docs page: shows every operation in a browser, and reaches nothing but its server",
    () => showsOperations(console),
  );
  await t.step("settings list sessions, and sign out", () => signsOut(console));
});
