import { useMutation, useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { type FormEvent, useEffect, useState } from "react";
import { call, decodeBase64, encodeBase64 } from "../../api/client.ts";
import { keys } from "../../api/queries.ts";
import { writeStored } from "../../browser/stored.ts";
import { Button } from "../../parts/button.tsx";
import { CodeBlock } from "../../parts/code.tsx";
import { TextField } from "../../parts/field.tsx";
import { Page, Section } from "../../parts/page.tsx";
import { ErrorNote, Loaded, Note } from "../../parts/states.tsx";
import { Duration } from "../../parts/values.tsx";

/** The function that a first start deploys. */
const EXAMPLE = "hello";

/** In a clone, the folder of the server has the command in `bin`; elsewhere it is on the `PATH`. */
const FIND_COMMAND = `PATH="$PWD/bin:$PATH"`;
/** The folder is outside of that of the server, whose files it is not one of. */
const FIRST_COMMANDS = `export INVOKED_DATA="\${INVOKED_DATA:-$PWD/.invoked}" ${FIND_COMMAND}
invoked init ~/greet && cd ~/greet
invoked test && invoked deploy --publish
invoked invoke greet --input '{"name":"Ada"}'`;

export function WelcomePage() {
  useEffect(() => void writeStored("welcomed", true), []);
  const example = useQuery({
    queryKey: keys.functions({ named: EXAMPLE }),
    queryFn: async ({ signal }) => {
      const body = { query: EXAMPLE, functionTypes: [], pageSize: 20 };
      const { list = [] } = await call("POST /api/v1/search/functions", { body, signal });
      return list.find((fn) => fn.displayName === EXAMPLE && fn.publishedCommitId !== undefined)
        ?.id ?? null;
    },
  });
  return (
    <Page title="Welcome">
      <Loaded query={example}>
        {(id) =>
          id === null
            ? <Note>The example {EXAMPLE} no longer exists. Start from a template below.</Note>
            : (
              <>
                <Section title="Run the example">
                  <p className="muted">
                    The function{" "}
                    <Link to="/functions/$functionId" params={{ functionId: id }}>hello</Link>{" "}
                    is deployed. Each invocation runs in an isolated process of its own.
                  </p>
                  <RunExample functionId={id} />
                </Section>
                <Section title="Call it from elsewhere">
                  <p className="muted">
                    An invocation needs a token or a login. In the folder of the server, the
                    commands below find its credentials in <code>.invoked</code>; set{" "}
                    <code>INVOKED_DATA</code>{" "}
                    if the data directory is elsewhere. On another machine, log in first with{" "}
                    <code>invoked login --server {globalThis.location.origin}</code>, which asks for
                    the id and the secret of a client.
                    {globalThis.location.protocol === "https:" &&
                      " With a certificate that the server made itself, add --cacert .invoked/tls/ca.pem to curl."}
                  </p>
                  <CodeBlock text={curlLines(id)} label="requests with curl" />
                  <CodeBlock
                    text={`${FIND_COMMAND}\ninvoked invoke ${id} --input '{"name":"world"}'`}
                    label="an invocation with the command line"
                  />
                </Section>
              </>
            )}
      </Loaded>
      <Section title="Write your own">
        <p>
          <Link to="/functions/new" className="button button-primary">New function</Link>{" "}
          <Link to="/" className="button">Overview</Link>
        </p>
        <p className="muted">
          Or on the command line, where a folder is a function. Begin in the folder of the server:
        </p>
        <CodeBlock
          text={FIRST_COMMANDS}
          label="the first commands"
        />
      </Section>
    </Page>
  );
}

function curlLines(id: string): string {
  const { origin } = globalThis.location;
  return `${FIND_COMMAND}
TOKEN=$(invoked token)
curl -sS '${origin}/api/v1/functions/${id}/invoke' \\
  -H "Authorization: Bearer $TOKEN" -H "Content-Type: application/json" \\
  -d "{\\"json\\": \\"$(printf '{"name":"world"}' | base64)\\"}"`;
}

/** Calls the example with a name, and shows the output and the duration. */
function RunExample({ functionId }: { readonly functionId: string }) {
  const [name, setName] = useState("world");
  const run = useMutation({
    mutationFn: async () => {
      const start = performance.now();
      const answer = await call("POST /api/v1/functions/{function_id}/invoke", {
        path: { function_id: functionId },
        body: { json: encodeBase64(JSON.stringify({ name })) },
      });
      return { ...answer, ms: performance.now() - start };
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    run.mutate();
  };
  const { data } = run;
  return (
    <form className="stack" onSubmit={submit}>
      <div className="row first-run-form">
        <TextField label="Name" value={name} onChange={setName} />
        <Button type="submit" look="primary" busy={run.isPending}>Run</Button>
      </div>
      {run.error === null ? null : <ErrorNote error={run.error} />}
      {data === undefined ? null : (
        <div className="stack" role="status">
          <CodeBlock
            text={data.json === undefined ? "It failed" : decodeBase64(data.json)}
            label="output"
          />
          <p className="muted">
            Answered in <Duration ms={data.ms} />. {data.invocationId === undefined ? null : (
              <Link
                to="/invocations/$invocationId"
                params={{ invocationId: data.invocationId }}
              >
                Open invocation
              </Link>
            )}
          </p>
        </div>
      )}
    </form>
  );
}
