import { useQuery } from "@tanstack/react-query";
import { CodeBlock } from "../../../parts/code.tsx";
import { Section } from "../../../parts/page.tsx";
import { Empty, Loaded } from "../../../parts/states.tsx";
import { visibleText } from "../../../parts/values.tsx";
import { textOf } from "../content.ts";
import { commitQuery } from "../queries.ts";
import { useFunction } from "../use_function.ts";

/** The files of the head. */
export function CodeTab() {
  const fn = useFunction();
  if (fn.head === undefined) return <Empty title="No commits" />;
  return <Files functionId={fn.id} head={fn.head} />;
}

function Files({ functionId, head }: { readonly functionId: string; readonly head: string }) {
  const query = useQuery(commitQuery(functionId, head));
  return (
    <Loaded query={query}>
      {({ files }) =>
        Object.entries(files).map(([path, content]) => (
          <Section key={path} title={visibleText(path)}>
            <CodeBlock label={path} text={textOf(content) ?? "This file is not text"} />
          </Section>
        ))}
    </Loaded>
  );
}
