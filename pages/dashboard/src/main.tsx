import { options, render } from 'preact';
import { connection } from './api';
import { Batches } from './Batches';
import { Drawer } from './Drawer';
import { Feed } from './Feed';
import { Plots, Tiles } from './Figures';
import { Header, Notices } from './Header';
import { follow } from './log';
import { watch } from './model';
import { Queue } from './Queue';
import { HealthCard, Workers } from './Server';
import { useStore } from './store';
import './style.css';
import { Submit } from './Submit';

// All changes between two frames are drawn together.
options.debounceRendering = (draw) => void requestAnimationFrame(draw);

function Page() {
  const { state } = useStore(connection);
  return (
    <>
      <Header />
      <main class={state === 'stale' ? 'is-stale' : ''}>
        <Notices />
        <Tiles />
        <div class="columns">
          <div class="column">
            <Batches />
            <Plots />
            <Workers />
            <HealthCard />
          </div>
          <div class="column side">
            <Submit />
            <Feed />
            <Queue />
          </div>
        </div>
      </main>
      <Drawer />
    </>
  );
}

render(<Page />, document.getElementById('root')!);
watch();
void follow();
