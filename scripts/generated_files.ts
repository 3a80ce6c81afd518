/** The files that are generated and committed, with what renders each. */
import { renderCommandLinePage } from "./command_line_page.ts";
import { CONFIGURATION_PAGES } from "./configuration_page.ts";
import { renderDashboard } from "./dashboard.ts";
import { renderSettingsTypes, withSettingsTables } from "./settings_files.ts";
import { renderManifestSchema } from "./manifest_schema.ts";
import { renderMetricsPage } from "./metrics_page.ts";
import { readFunctions, renderNpmPage } from "./npm_page.ts";
import { renderOpenApi } from "./openapi_snapshot.ts";
import { renderPermissionsPage } from "./permissions_page.ts";
import { renderPermissionsTable } from "./permissions_table.ts";
import { renderReviewedPage } from "./reviewed_page.ts";
import { renderSdkOperations } from "./sdk_operations.ts";
import { renderSdkPage } from "./sdk_page.ts";
import { renderServerSchema } from "./server_schema.ts";
import { renderTriggersPage } from "./triggers_page.ts";

/** By path, from the root of the repository. A page of which only a part is generated is given as it is. */
export const GENERATED_FILES: Readonly<Record<string, (now: string) => string | Promise<string>>> =
  {
    "deploy/grafana/dashboards/invoked.json": renderDashboard,
    "docs/api.md": withSettingsTables,
    "docs/cli.md": renderCommandLinePage,
    ...CONFIGURATION_PAGES,
    "docs/metrics.md": renderMetricsPage,
    "docs/npm.md": async () => renderNpmPage(await readFunctions()),
    "docs/openapi.json": renderOpenApi,
    "docs/permissions.md": renderPermissionsPage,
    "docs/reviewed-packages.md": renderReviewedPage,
    "docs/sdk-methods.md": renderSdkPage,
    "docs/triggers.md": renderTriggersPage,
    "invoked-server.schema.json": renderServerSchema,
    "invoked.schema.json": renderManifestSchema,
    "sdk/api_operations.ts": renderSdkOperations,
    "sdk/settings_types.ts": renderSettingsTypes,
    "src/resources/permissions.ts": renderPermissionsTable,
  };
