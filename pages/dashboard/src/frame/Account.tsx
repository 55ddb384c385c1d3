/** The caller's name, with the workspaces and the way out. An open server has none. */
import { session, sessions } from '../data/session';
import { useStore } from '../data/store';
import { Menu } from '../ui/Menu';
import { words } from '../ui/words';

export function Account() {
  const now = useStore(session);
  if (now.state !== 'in') return null;
  const { name, role, workspace, memberships } = now.viewer;
  return (
    <Menu label={<bdi>{name}</bdi>} name={`Account of ${name}`} icon="user" class="account" closes>
      <div class="entries">
        <p class="quiet">
          Signed in to <bdi>{workspace.name}</bdi> as {words(role)}
        </p>
        {memberships
          .filter((each) => each.workspace.slug !== workspace.slug)
          .map((each) => (
            <button key={each.workspace.slug} type="button" onClick={() => sessions.enter(each.workspace.slug)}>
              Go to <bdi>{each.workspace.name}</bdi>
            </button>
          ))}
        <button type="button" onClick={() => void sessions.signOut()}>
          Sign out
        </button>
      </div>
    </Menu>
  );
}
