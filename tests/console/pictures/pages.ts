/** The pages of the console that the documentation shows, and how each is brought to what it shows. */
import { makeCredential, makePrincipal, PRINCIPALS } from "../../identity/principals.ts";
import type { Json } from "../../support/client.ts";
import type { Page } from "../../support/console.ts";
import { ok } from "../../support/expect.ts";
import type { Sample } from "./sample.ts";

export interface Picture {
  /** The name of the file, without its theme. */
  readonly name: string;
  readonly caption: string;
  /** Where it is, below the console's address. */
  readonly path: (sample: Sample) => string | Promise<string>;
  /** What is visible once the page is complete. */
  readonly shows: string | RegExp;
  /** What a reader does on the page first. */
  readonly prepare?: (page: Page) => Promise<void>;
}

const ofFunction = (name: string, tab = "") => ({ ids }: Sample) => `/functions/${ids[name]}${tab}`;

/** The newest invocation of a function with this status. */
async function invocationOf(
  { server, ids }: Sample,
  name: string,
  status: string,
): Promise<string> {
  const client = await server.client();
  const { list } = ok(
    await client.post("/api/v1/search/invocations", {
      functionIds: [ids[name]],
      status: `FUNCTION_INVOCATION_STATUS_${status}`,
      pageSize: 1,
    }),
  );
  return `/invocations/${list[0].id}`;
}

async function volumeNamed({ server }: Sample, name: string): Promise<string> {
  const { list } = ok(await (await server.client()).get("/api/v1/vfs/volumes"));
  return `/volumes/${list.find(({ displayName }: Json) => displayName === name).id}`;
}

/** A principal that deploys, beside a role of the team. */
async function principal({ server, ids }: Sample): Promise<string> {
  const client = await server.client();
  const id = await makePrincipal(client, "Deployments", ["functions:developer"]);
  await makeCredential(client, id, { displayName: "GitHub runner", expires: "2592000s" });
  await makeCredential(client, id, {
    displayName: "Operations",
    kind: "CREDENTIAL_KIND_API_KEY",
    allowSourceCidrs: ["192.0.2.0/24"],
    scopedRoles: ["functions:invoker"],
  });
  const subject = { functionId: ids["hello"] };
  ok(await client.post(`${PRINCIPALS}/bindings`, { servicePrincipalId: id, subject }));
  return `/access/principals/${id}`;
}

/** Jobs of two providers that act as the principal which deploys. */
async function federation({ server }: Sample): Promise<string> {
  const client = await server.client();
  const { list } = ok(await client.get(PRINCIPALS));
  const { id } = list.find(({ displayName }: Json) => displayName === "Deployments");
  const kinds = [
    ["GitHub", "GITHUB_ACTIONS", "https://token.actions.githubusercontent.com"],
    ["GitLab", "GITLAB_CI", "https://gitlab.com"],
  ] as const;
  const conditions = [
    "claims.repository == 'acme/app' && claims.ref == 'refs/heads/main'",
    "claims.project_path == 'acme/app' && claims.ref == 'main'",
  ];
  for (const [at, [displayName, kind, issuerUrl]] of kinds.entries()) {
    const provider = {
      ...{ displayName, issuerUrl, oidc: {} },
      wellKnownProvider: `WELL_KNOWN_WORKLOAD_PROVIDER_${kind}`,
    };
    const made = ok(await client.post("/api/v1/workload_federation/providers", provider)).provider;
    const trust = {
      displayName: `Deploy from ${displayName}`,
      ...{ providerId: made.id, conditionExpression: conditions[at] },
    };
    ok(await client.post(`${PRINCIPALS}/${id}/trusts`, trust));
  }
  return "/access/federation";
}

async function tenants({ server }: Sample): Promise<string> {
  ok(await (await server.client()).post("/api/v1/tenants", { isExample: true }));
  return "/access/tenants";
}

async function typeMistake(page: Page): Promise<void> {
  await page.locator(".function-editor .view-lines").click();
  await page.keyboard.press("Control+End");
  await page.keyboard.insertText("\nexport const count: number = main({}).message;\n");
  await page.getByText(/is not assignable to type/).first().waitFor();
}

async function run(page: Page): Promise<void> {
  await page.getByRole("button", { name: "Run", exact: true }).click();
  await page.locator(".function-run .view-lines").click();
  await page.keyboard.press("Control+A");
  await page.keyboard.insertText(`{"name": "Grace"}`);
  await page.keyboard.press("Control+Enter");
  await page.getByLabel("Output", { exact: true }).getByText("Hello, Grace").waitFor();
}

async function runTests(page: Page): Promise<void> {
  await page.getByRole("button", { name: "Run the tests" }).click();
  await page.getByText(/\d tests?/).first().waitFor();
}

async function openFile(page: Page): Promise<void> {
  await page.getByText("sales.csv").first().click();
  await page.getByText("north").first().waitFor();
}

async function search(page: Page): Promise<void> {
  await page.keyboard.press("Control+k");
  await page.getByRole("combobox", { name: "Go to" }).fill("re");
  await page.getByRole("option").first().waitFor();
}

export const PICTURES: readonly Picture[] = [
  {
    name: "welcome",
    caption: "First page of a new user",
    path: () => "/welcome",
    shows: "Call it from elsewhere",
  },
  {
    name: "overview",
    caption: "Overview",
    path: () => "/",
    shows: "Slowest functions",
  },
  {
    name: "palette",
    caption: "Palette",
    path: () => "/",
    shows: "Slowest functions",
    prepare: search,
  },
  {
    name: "functions",
    caption: "Functions",
    path: () => "/functions",
    shows: "webhook-receiver",
  },
  {
    name: "new_function",
    caption: "New function",
    path: () => "/functions/new",
    shows: "main.ts",
  },
  {
    name: "function_run",
    caption: "Editor and run",
    path: ofFunction("hello"),
    shows: "greeting",
    prepare: run,
  },
  {
    name: "function_code",
    caption: "Type error in the editor",
    path: ofFunction("hello"),
    shows: "greeting",
    prepare: typeMistake,
  },
  {
    name: "function_tests",
    caption: "Tests of a function",
    path: ofFunction("npm-package", "/tests"),
    shows: "Run the tests",
    prepare: runTests,
  },
  {
    name: "function_history",
    caption: "Commits and publishes",
    path: ofFunction("hello", "/history"),
    shows: /Published/,
  },
  {
    name: "function_triggers",
    caption: "Schedule",
    path: ofFunction("scheduled-report", "/triggers"),
    shows: "weekdays",
    prepare: (page) => page.getByText("weekdays").first().click(),
  },
  {
    name: "function_endpoint",
    caption: "Endpoint",
    path: ofFunction("html-page", "/triggers"),
    shows: "web",
    prepare: (page) => page.getByText("web", { exact: true }).first().click(),
  },
  {
    name: "function_settings",
    caption: "Settings of a function",
    path: ofFunction("hello", "/settings"),
    shows: "Secrets",
  },
  {
    name: "invocations",
    caption: "Invocations",
    path: () => "/invocations",
    shows: "hello",
  },
  {
    name: "invocation",
    caption: "Invocation and its phases",
    path: (sample) => invocationOf(sample, "calls-functions", "SUCCESS"),
    shows: "Output",
  },
  {
    name: "invocation_failed",
    caption: "Failed invocation",
    path: (sample) => invocationOf(sample, "csv-report", "ERROR"),
    shows: "Error",
  },
  { name: "volumes", caption: "Volumes", path: () => "/volumes", shows: "user-names" },
  {
    name: "volume",
    caption: "CSV file of a volume",
    path: (sample) => volumeNamed(sample, "sales"),
    shows: "sales.csv",
    prepare: openFile,
  },
  {
    name: "dead_letters",
    caption: "Dead letters",
    path: () => "/dead-letters",
    shows: "Dead letters",
  },
  {
    name: "roles",
    caption: "Roles",
    path: () => "/access/roles",
    shows: "What each role allows",
  },
  {
    name: "principal",
    caption: "Service principal",
    path: principal,
    shows: "GitHub runner",
  },
  {
    name: "federation",
    caption: "Workload federation",
    path: federation,
    shows: "Deploy from GitHub",
  },
  {
    name: "tenants",
    caption: "C1 tenants",
    path: tenants,
    shows: "Invented data",
  },
  {
    name: "audit",
    caption: "Audit log",
    path: () => "/audit",
    shows: "CreateCredential",
  },
  {
    name: "settings",
    caption: "Your settings",
    path: () => "/settings",
    shows: "This browser",
  },
];
