import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useEffect } from "react";
import { api, dataOf } from "../../api/client.ts";
import { keys } from "../../api/keys.ts";
import { writeStored } from "../../browser/stored.ts";
import { CodeBlock } from "../../parts/code.tsx";
import { Page, Section } from "../../parts/page.tsx";
import { Loaded, Note } from "../../parts/states.tsx";
import { RunExample } from "./run_example.tsx";

/** The function that a first start deploys. */
const EXAMPLE = "hello";

const FIRST_COMMANDS = `bin/invoked init greet && cd greet
invoked test && invoked deploy --publish`;

export function WelcomePage() {
  useEffect(() => void writeStored("welcomed", true), []);
  const example = useQuery({
    queryKey: keys.functions({ named: EXAMPLE }),
    queryFn: async ({ signal }) => {
      const body = { query: EXAMPLE, functionTypes: [], pageSize: 20 };
      const { list = [] } = await dataOf(api.POST("/api/v1/search/functions", { body, signal }));
      return list.find((fn) => fn.displayName === EXAMPLE && fn.publishedCommitId !== undefined)
        ?.id ?? null;
    },
  });
  return (
    <Page title="Welcome">
      <Loaded query={example}>
        {(id) =>
          id === null
            ? <Note>The example {EXAMPLE} is gone. Begin with a template below.</Note>
            : (
              <>
                <Section title="Run the example">
                  <p className="muted">
                    The function{" "}
                    <Link to="/functions/$functionId" params={{ functionId: id }}>hello</Link>{" "}
                    is deployed. Each call runs in a process of its own, behind walls.
                  </p>
                  <RunExample functionId={id} />
                </Section>
                <Section title="Call it from elsewhere">
                  <CodeBlock text={curlLines(id)} label="calls with curl" />
                  <CodeBlock
                    text={`bin/invoked invoke ${EXAMPLE} --input '{"name":"world"}'`}
                    label="a call with the command line"
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
        <p className="muted">On your own machine, a folder is a function:</p>
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
  return `TOKEN=$(bin/invoked token)
curl -s ${origin}/api/v1/functions/${id}/invoke \\
  -H "Authorization: Bearer $TOKEN" -H "Content-Type: application/json" \\
  -d "{\\"json\\": \\"$(printf '{"name":"world"}' | base64)\\"}"`;
}
