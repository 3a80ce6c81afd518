import { useMutation } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { type FormEvent, useState } from "react";
import { api, dataOf } from "../../api/client.ts";
import { decodeBase64, encodeBase64 } from "../../api/base64.ts";
import { Button } from "../../parts/button.tsx";
import { CodeBlock } from "../../parts/code.tsx";
import { TextField } from "../../parts/field.tsx";
import { ErrorNote } from "../../parts/states.tsx";
import { Duration } from "../../parts/values.tsx";

/** Calls the example with a name, and shows what came back and how long it took. */
export function RunExample({ functionId }: { readonly functionId: string }) {
  const [name, setName] = useState("world");
  const run = useMutation({
    mutationFn: async () => {
      const start = performance.now();
      const answer = await dataOf(api.POST("/api/v1/functions/{function_id}/invoke", {
        params: { path: { function_id: functionId } },
        body: { json: encodeBase64(JSON.stringify({ name })) },
      }));
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
