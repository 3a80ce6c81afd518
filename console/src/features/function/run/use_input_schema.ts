import { useEffect, useState } from "react";
import { textsOf } from "../../../parts/file_content.ts";
import type { Workspace } from "../code/workspace.ts";

/** The type of the input is derived once the files rest for this long, in ms. */
const REST = 600;

/** The JSON Schema of the input of `main.ts`; undefined until it is known. */
export function useInputSchema(workspace: Workspace | undefined): unknown {
  const [schema, setSchema] = useState<unknown>();
  const { files, types } = workspace ?? {};
  useEffect(() => {
    if (files === undefined || types === undefined) return;
    let isCurrent = true;
    const timer = setTimeout(async () => {
      const { schemaOfInput } = await import("../../../parts/monaco/input_type.ts");
      const found = await schemaOfInput(types, textsOf(files)).catch(() => undefined);
      if (isCurrent) setSchema(found);
    }, REST);
    return () => {
      isCurrent = false;
      clearTimeout(timer);
    };
  }, [files, types]);
  return schema;
}
