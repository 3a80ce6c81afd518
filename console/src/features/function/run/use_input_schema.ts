import { useEffect, useState } from "react";
import type { Files } from "../code/drafts.ts";

/** The type of the input is derived once the files rest for this long, in ms. */
const REST = 600;

/** The JSON Schema of the input of `main.ts`; undefined until it is known. */
export function useInputSchema(files: Files | undefined): unknown {
  const [schema, setSchema] = useState<unknown>();
  useEffect(() => {
    if (files === undefined) return;
    let isCurrent = true;
    const timer = setTimeout(async () => {
      const { schemaOfInput } = await import("../../../parts/monaco/input_type.ts");
      const found = await schemaOfInput(files).catch(() => undefined);
      if (isCurrent) setSchema(found);
    }, REST);
    return () => {
      isCurrent = false;
      clearTimeout(timer);
    };
  }, [files]);
  return schema;
}
