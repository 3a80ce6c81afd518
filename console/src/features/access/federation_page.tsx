import { keepPreviousData, useInfiniteQuery } from "@tanstack/react-query";
import { useSearch } from "@tanstack/react-router";
import { ListSearch, NothingFound, useCreation } from "../../parts/list.tsx";
import { Section } from "../../parts/page.tsx";
import { Empty } from "../../parts/states.tsx";
import { PartPage } from "../../shell/part_page.tsx";
import { useMay } from "../../shell/rights.ts";
import { Providers } from "./providers.tsx";
import { trustsQuery } from "./queries.ts";
import { CreateTrust } from "./trust_dialog.tsx";
import { TrustTable } from "./trusts.tsx";

/** Jobs that sign in with the token of their own provider, in place of a secret. */
export function FederationPage() {
  const may = useMay();
  return (
    <PartPage part="Access" title="Workload federation">
      <div className="access-parts">
        <p className="muted">
          Jobs of CI systems and clouds sign in with the token that their provider gives them, so no
          secret is stored there. A trust lets jobs of one provider act as a service principal.
        </p>
        {may("c1.api.workload_federation.v1.WorkloadFederationService.ListProviders") && (
          <Providers />
        )}
        {may("c1.api.workload_federation.v1.WorkloadFederationService.SearchTrusts") && (
          <AllTrusts />
        )}
      </div>
    </PartPage>
  );
}

function AllTrusts() {
  const { q = "" } = useSearch({ from: "/shell/access/federation" });
  const query = useInfiniteQuery({
    ...trustsQuery({ query: q }),
    placeholderData: keepPreviousData,
  });
  const creation = useCreation(
    "New trust",
    useMay()("c1.api.workload_federation.v1.WorkloadFederationService.CreateTrust"),
    "normal",
  );
  const isSearchable = q !== "" || query.data?.pages.some(({ list }) => list.length > 0) === true;
  return (
    <Section title="Trusts" actions={creation.button}>
      <div>
        {isSearchable && (
          <ListSearch page="/access/federation" label="Name or client id" value={q} />
        )}
        <TrustTable
          query={query}
          empty={q === ""
            ? <Empty title="No trusts: no job can sign in with its own token" />
            : <NothingFound page="/access/federation" title="No trusts match" />}
        />
      </div>
      {creation.isOpen && <CreateTrust onClose={creation.close} />}
    </Section>
  );
}
