/** How invocations start, and the setting that changes it, in the console. */
import { BUSY } from "../support/busy.ts";
import { ok } from "../support/expect.ts";
import { section } from "./settings_form.ts";
import type { Journey } from "./stage.ts";

/** Module code of more than a millisecond, with a random number and an attack. */
const DRAWN = `${BUSY}
const seed = { ["<img src=x onerror=alert(1)>\u202E"]() { return Math.random(); } };
Object.values(seed)[0]();
export default () => ({});
`;

export async function startOfInvocations({ console, client }: Journey): Promise<void> {
  const { page } = console;
  const id = await client.deploy(DRAWN);
  const { function: { head } } = ok(await client.get(`/api/v1/functions/${id}`));
  await console.goto(`/functions/${id}/settings#running`);
  const running = section(page, "Running");
  await running.form.getByText(/^Each invocation runs the module code, which takes [\d,]+ ms\.$/)
    .waitFor();
  const reasons = running.form.getByRole("list", {
    name: "What keeps invocations from a template",
  });
  await reasons.getByText(/^main\.ts:2 called Math\.random/).waitFor();
  await reasons.getByText(/^Instead: .* in the handler/).waitFor();
  await running.form.getByText(/^Or set evaluation to EVALUATION_SHARED/).waitFor();
  await console.assertAccessible("function_load_report");
  await running.choose("Module code", "Runs once for many invocations");
  await running.save();
  await running.saved();
  await running.form.getByText(
    /^Invocations start from a template, .* because of EVALUATION_SHARED\.$/,
  )
    .waitFor();
  await reasons.waitFor({ state: "detached" });
  await console.goto(`/functions/${id}/history?commit=${head}`);
  await page.locator(".dialog").getByText(/^Invocations start from a template, /).waitFor();
  await console.assertAccessible();
}
