/** The resources as answers have them: in views, with counts. Nothing is expanded. */
import type {
  App,
  AppUser,
  Connector,
  Entitlement,
  Grant,
  Resource,
  Task,
  User,
  World,
} from "./forms.ts";

export function userView(user: User): object {
  return {
    user,
    userId: user.id,
    rolesPath: "",
    managersPath: "",
    directoriesPath: "",
    delegatedUserPath: "",
  };
}

/** The app with the number of its accounts, in a string as 64 bits have it. */
export function appWithCount(app: App, world: World): object {
  const count = world.appUsers.filter(({ appId }) => appId === app.id).length;
  return { ...app, appOwners: world.users.slice(0, 1), userCount: String(count) };
}

export function entitlementView(entitlement: Entitlement, world: World): object {
  const count = world.grants.filter((grant) => grant.appEntitlementId === entitlement.id).length;
  return {
    appEntitlement: { ...entitlement, grantCount: String(count), systemBuiltin: false },
    appPath: "",
    appResourcePath: "",
    appResourceTypePath: "",
  };
}

export function appUserView(appUser: AppUser): object {
  return { appUser, appPath: "", identityUserPath: "", lastUsagePath: "" };
}

/** A grant as the entitlement's list of users has it. */
export function grantView(grant: Grant, world: World): object {
  const appUser = world.appUsers.find(({ id }) => id === grant.appUserId);
  return {
    appUser: appUser === undefined ? null : appUserView(appUser),
    appId: grant.appId,
    appEntitlementId: grant.appEntitlementId,
    appUserId: grant.appUserId,
    appEntitlementUserBindingCreatedAt: grant.createdAt,
    grantSources: [],
    originatingTicketId: grant.taskId,
  };
}

export function resourceView(resource: Resource, world: World): object {
  const entitlements = new Set(
    world.entitlements.filter(({ appResourceId }) => appResourceId === resource.id)
      .map(({ id }) => id),
  );
  const count = world.grants.filter(({ appEntitlementId }) => entitlements.has(appEntitlementId));
  return {
    appResource: { ...resource, grantCount: String(count.length) },
    appPath: "",
    resourceTypePath: "",
    parentResourcePath: "",
    parentResourceTypePath: "",
  };
}

export function connectorView(connector: Connector): object {
  return { connector, appPath: "", usersPath: "", capabilitiesPath: "" };
}

export function taskView(task: Task): object {
  return {
    task,
    appPath: "",
    appUserPath: "",
    identityUserPath: "",
    entitlementsPath: "",
    userPath: "",
  };
}
