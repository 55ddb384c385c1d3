/** Shows that a page failed, in place of the page. The next address is tried again. */
import { Component, type ComponentChildren } from 'preact';
import { PageHead } from '../ui/PageHead';

interface Props {
  url: string;
  children: ComponentChildren;
}

interface State {
  failedAt: string | null;
  message: string;
}

export class Guard extends Component<Props, State> {
  override state: State = { failedAt: null, message: '' };

  static getDerivedStateFromProps({ url }: Props, { failedAt }: State): Partial<State> | null {
    return failedAt !== null && failedAt !== url ? { failedAt: null } : null;
  }

  override componentDidCatch(error: unknown): void {
    console.error(error);
    this.setState({ failedAt: this.props.url, message: error instanceof Error ? error.message : String(error) });
  }

  override render({ children }: Props, { failedAt, message }: State) {
    if (failedAt === null) return children;
    return (
      <>
        <PageHead title="This page failed" />
        <div class="fault" role="alert">
          <bdi>{message}</bdi>
          <button type="button" class="push" onClick={() => location.reload()}>
            Reload
          </button>
        </div>
      </>
    );
  }
}
