import type { Fn } from "../../../api/types.ts";
import { faultOf } from "../../../parts/faults.ts";
import { TextAreaField } from "../../../parts/field.tsx";
import { linesOf } from "../lines.ts";
import { SectionForm } from "./section_form.tsx";
import { useSection } from "./use_section.ts";

/** The hosts that the function may reach. */
export function Network({ fn }: { readonly fn: Fn }) {
  const section = useSection(
    fn,
    ({ outboundNetworkAllowlist = [] }) => ({
      outboundNetworkAllowlist: outboundNetworkAllowlist.join("\n"),
    }),
    (draft) => ({ outboundNetworkAllowlist: linesOf(draft.outboundNetworkAllowlist) }),
  );
  const { draft, edit, error } = section;
  return (
    <SectionForm
      title="Allowed hosts"
      about="The function can reach only these hosts."
      section={section}
      words={{ outboundNetworkAllowlist: "Hosts" }}
      faults={["outboundNetworkAllowlist"]}
    >
      <TextAreaField
        label="Hosts"
        hint="One per line: host, host:port or *.example.com. Without a port: 443 and 80"
        rows={4}
        placeholder="api.example.com"
        value={draft.outboundNetworkAllowlist}
        error={faultOf(error, "outboundNetworkAllowlist")}
        onChange={(outboundNetworkAllowlist) => edit({ outboundNetworkAllowlist })}
      />
    </SectionForm>
  );
}
