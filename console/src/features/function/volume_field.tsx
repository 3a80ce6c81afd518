import { useQuery } from "@tanstack/react-query";
import { api, dataOf } from "../../api/client.ts";
import { keys } from "../../api/keys.ts";
import { shortId } from "../../parts/format.ts";
import { SelectField } from "../../parts/field.tsx";
import { visibleText } from "../../parts/values.tsx";

const PAGE_SIZE = 100;
const PAGES_MAX = 10;

/** The newest volumes by their names. */
const choicesQuery = {
  queryKey: [...keys.volumes(), "choices"],
  queryFn: async ({ signal }: { readonly signal: AbortSignal }) => {
    const choices: { readonly id: string; readonly displayName: string }[] = [];
    let token = "";
    for (let page = 0; page < PAGES_MAX; page += 1) {
      const query = { page_size: PAGE_SIZE, page_token: token };
      const request = api.GET("/api/v1/vfs/volumes", { params: { query }, signal });
      const { list, nextPageToken } = await dataOf(request);
      choices.push(...list);
      if (nextPageToken === "") break;
      token = nextPageToken;
    }
    return choices;
  },
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
