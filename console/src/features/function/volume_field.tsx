import { useQuery } from "@tanstack/react-query";
import { keys } from "../../api/keys.ts";
import { readVolumes } from "../../api/volumes.ts";
import { shortId } from "../../parts/format.ts";
import { SelectField } from "../../parts/field.tsx";
import { visibleText } from "../../parts/values.tsx";

/** The newest volumes by their names. */
const choicesQuery = {
  queryKey: [...keys.volumes(), "choices"],
  queryFn: ({ signal }: { readonly signal: AbortSignal }) => readVolumes(signal),
};

/** Chooses a volume by its name. */
export function VolumeField(
  { none, value, ...rest }: {
    readonly label: string;
    /** What having no volume is called. */
    readonly none: string;
    readonly hint?: string;
    readonly value: string;
    readonly error: string | undefined;
    readonly onChange: (id: string) => void;
  },
) {
  const { data = [] } = useQuery(choicesQuery);
  const isKnown = value === "" || data.some(({ id }) => id === value);
  return (
    <SelectField
      {...rest}
      value={value}
      options={[
        { value: "", label: none },
        ...isKnown ? [] : [{ value, label: shortId(value) }],
        ...data.map(({ id, displayName }) => ({ value: id, label: visibleText(displayName) })),
      ]}
    />
  );
}
