import { queryOptions, useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { call } from "../api/client.ts";
import { keys, readPages } from "../api/queries.ts";
import { SelectField } from "../parts/field.tsx";
import { visibleText } from "../parts/format.ts";
import { Loaded, Loading } from "../parts/states.tsx";

/** The newest service principals, at most 1,000. */
export const principalChoicesQuery = queryOptions({
  queryKey: [...keys.principals, "choices"],
  queryFn: ({ signal }) =>
    readPages((query) => call("GET /api/v1/service_principals", { query, signal })),
});

/** Chooses a service principal. */
export function PrincipalField({ value, onChange, error }: {
  /** Its id; empty before a choice. */
  readonly value: string;
  readonly onChange: (principalId: string) => void;
  readonly error?: string | undefined;
}) {
  const choices = useQuery(principalChoicesQuery);
  return (
    <Loaded query={choices} loading={<Loading rows={1} />}>
      {(principals) =>
        principals.length === 0
          ? (
            <p>
              There is no service principal yet. <Link to="/access/principals">Create one</Link>
              {" "}
              first.
            </p>
          )
          : (
            <SelectField
              label="Service principal"
              value={value}
              onChange={onChange}
              error={error}
              options={[
                { value: "", label: "Choose one" },
                ...principals.map(({ id = "", displayName = "" }) => ({
                  value: id,
                  label: visibleText(displayName),
                })),
              ]}
            />
          )}
    </Loaded>
  );
}
