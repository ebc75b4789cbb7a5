// Sorts and filters the table of configs, opens a config's row, and unfolds its modules. Reads what the page contains and requests nothing.
// Texts become text nodes only; no string is ever parsed as HTML.
'use strict';

(() => {
  const STATES = ['', 'new', 'removed', 'changed', 'renamed']; // as in module_tree.py
  const OPENED_AT_FIRST = 60; // rows, so that changes deep in a tree are seen, and a new backbone does not fill the screen
  const table = document.getElementById('table');
  if (!table) return;
  const METRICS = table.dataset.metrics.split(' '); // of modules
  const SHARES = table.dataset.shares.split(' '); // those of them whose shares are drawn
  const bodies = [...table.tBodies];
  const headers = [...table.tHead.rows[table.tHead.rows.length - 1].cells];
  const status = document.getElementById('status');

  function element(tag, attributes = {}, ...children) {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    made.append(...children);
    return made;
  }

  // ---- sorting and filtering

  const places = new Map(bodies.map((body) => [body, body.dataset.places.split(' ').map((place) => place === '-' ? null : Number(place))]));

  function sort(column, direction) {
    const sign = direction === 'ascending' ? 1 : -1;
    const sorted = [...bodies].sort((one, other) => {
      const [ours, theirs] = [places.get(one)[column], places.get(other)[column]];
      if (ours === null || theirs === null) return (ours === null) - (theirs === null); // last, in both directions
      return sign * (ours - theirs);
    });
    table.append(...sorted);
    headers.forEach((header, index) => {
      if (index === column) header.setAttribute('aria-sort', direction);
      else header.removeAttribute('aria-sort');
      header.querySelector('.arrow').textContent = index !== column ? '' : direction === 'ascending' ? '▲' : '▼';
    });
    status.textContent = `Sorted by ${headers[column].dataset.name}, ${direction}.`;
  }

  headers.forEach((header, column) => {
    header.dataset.name = header.textContent.trim();
    const button = element('button', { type: 'button' }, ...header.childNodes, element('span', { class: 'arrow', 'aria-hidden': 'true' }));
    header.append(button);
    button.addEventListener('click', () => {
      const now = header.getAttribute('aria-sort');
      const { first } = header.dataset;
      sort(column, now === null ? first : now === 'ascending' ? 'descending' : 'ascending');
    });
  });

  const searchable = new Map(bodies.map((body) => {
    const { cells } = body.rows[0];
    return [body, `${body.querySelector('.path').textContent} ${cells[0].textContent} ${cells[2].textContent}`.toLowerCase()];
  }));
  const filter = document.getElementById('filter');
  filter.addEventListener('input', () => {
    const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const body of bodies) {
      body.hidden = !words.every((word) => searchable.get(body).includes(word));
      shown += !body.hidden;
    }
    status.textContent = `${shown} of ${bodies.length} shown.`;
  });
  document.querySelector('.tools').hidden = false;
  document.querySelector('.scriptless').remove();

  // ---- a config's row

  bodies.forEach((body, index) => {
    const [row, more] = body.rows;
    more.id = `more-${index}`;
    const toggle = element('button', {
      type: 'button', class: 'toggle', 'aria-expanded': 'false', 'aria-controls': more.id, 'aria-label': `Details of ${row.querySelector('.file').textContent}`,
    });
    row.cells[0].prepend(toggle);
    row.classList.add('opens');
    row.addEventListener('click', (event) => {
      const onToggle = event.target === toggle;
      if (!onToggle && (event.target.closest('a, button') || String(getSelection()))) return;
      const open = more.classList.toggle('open');
      toggle.setAttribute('aria-expanded', String(open));
      const place = more.querySelector('.modules:empty');
      if (open && place) place.append(...new Tree(place.dataset.tree, row.querySelector('.file').textContent).parts);
    });
  });

  // ---- the modules of a config: a treegrid, https://www.w3.org/WAI/ARIA/apg/patterns/treegrid/

  class Tree {
    constructor(id, name) {
      const data = JSON.parse(document.getElementById(id).textContent);
      this.sides = data.sides;
      this.both = data.sides.length === 2;
      this.nodes = data.rows.map(([depth, label, remark, state, ...cells], index) => {
        const figures = Object.fromEntries(METRICS.map((metric, place) => [metric, cells[place]]));
        return { index, depth, label, remark, state, figures, shares: cells.slice(METRICS.length), open: false, row: null };
      });
      this.nodes.forEach((node, index) => {
        let end = index + 1;
        while (end < this.nodes.length && this.nodes[end].depth > node.depth) end += 1;
        node.end = end; // of what is below it
      });
      this.body = element('tbody', { role: 'rowgroup' });
      const columns = this.columns();
      const cols = ['name', ...columns.map(({ kind }) => kind)].map((kind) => element('col', { class: kind }));
      this.table = element('table', { class: 'tree', role: 'treegrid', 'aria-label': `Modules of ${name}` }, element('colgroup', {}, ...cols), this.head(columns), this.body);
      this.body.addEventListener('click', (event) => this.clicked(event));
      this.body.addEventListener('keydown', (event) => this.pressed(event));
      this.openAtFirst();
      this.draw();
      this.parts = [this.tools(), this.table];
    }

    head(columns) {
      const header = (text, span, kind) => element('th', { scope: span > 1 ? 'colgroup' : 'col', colspan: span, role: 'columnheader', class: kind }, text);
      const groups = METRICS.map((metric) => header(metric, columns.filter((column) => column.metric === metric).length, 'spans'));
      const titles = columns.map(({ title, kind }) => header(title, 1, kind));
      return element(
        'thead', { role: 'rowgroup' },
        element('tr', { role: 'row' }, element('td', { role: 'cell' }), ...groups),
        element('tr', { role: 'row' }, header('module', 1, 'first'), ...titles),
      );
    }

    columns() {
      const found = [];
      for (const metric of METRICS) {
        for (const side of this.both ? ['base', 'head', 'change'] : this.sides) {
          found.push({ label: this.both ? `${metric}, ${side}` : metric, title: side, metric, side, kind: `number ${side}` });
        }
        if (SHARES.includes(metric)) found.push({ label: `share of ${metric}`, title: 'share', metric, side: '', kind: 'share' });
      }
      return found;
    }

    tools() {
      const bar = element('div', { class: 'bar-tools' });
      const button = (text, act) => {
        const made = element('button', { type: 'button' }, text);
        made.addEventListener('click', () => { act(); this.draw(); });
        bar.append(made);
      };
      const every = (open) => this.nodes.forEach((node) => { node.open = open; });
      button('Expand all', () => every(true));
      button('Collapse all', () => { every(false); });
      const changed = this.nodes.filter((node) => node.state).length;
      if (changed) button(`Show what changed (${changed})`, () => { every(false); this.reveal(this.nodes.filter((node) => node.state)); });
      const key = (text, kind) => element('span', { class: 'key' }, element('i', { class: kind, 'aria-hidden': 'true' }), text);
      bar.append(...(this.both ? [key('share at head', ''), key('share at base', 'of-base')] : [key('share', '')]));
      return bar;
    }

    // What changed is in sight at first, level by level as long as it fits; of a new or removed subtree its top is enough.
    openAtFirst() {
      const inside = (node) => (node.state === 1 || node.state === 2) && this.parent(node)?.state === node.state;
      const changed = this.nodes.filter((node) => node.state && !inside(node));
      this.reveal([]);
      for (const depth of [...new Set(changed.map((node) => node.depth))].sort((one, other) => one - other)) {
        const before = this.nodes.map((node) => node.open);
        this.reveal(changed.filter((node) => node.depth === depth));
        if (this.visible().length > OPENED_AT_FIRST) {
          this.nodes.forEach((node, index) => { node.open = before[index]; });
          break;
        }
      }
    }

    reveal(nodes) {
      for (const node of nodes) {
        for (let above = this.parent(node); above && !above.open; above = this.parent(above)) above.open = true;
      }
      if (this.nodes.length) this.nodes[0].open = true;
    }

    parent(node) {
      let index = node.index - 1;
      while (index >= 0 && this.nodes[index].depth >= node.depth) index -= 1;
      return this.nodes[index];
    }

    visible() {
      const found = [];
      for (let index = 0; index < this.nodes.length;) {
        const node = this.nodes[index];
        found.push(node);
        index = node.open ? index + 1 : node.end;
      }
      return found;
    }

    // Rows are made once, and only those in sight are in the page.
    draw() {
      const shown = this.visible();
      for (const node of shown) {
        node.row ??= this.row(node);
        if (node.end > node.index + 1) node.row.setAttribute('aria-expanded', String(node.open));
      }
      const focused = this.body.contains(document.activeElement);
      this.body.replaceChildren(...shown.map((node) => node.row));
      const current = shown.includes(this.current) ? this.current : shown[0];
      if (current) this.choose(current, focused);
    }

    choose(node, focus) {
      this.current?.row.setAttribute('tabindex', '-1');
      this.current = node;
      node.row.setAttribute('tabindex', '0');
      if (focus) node.row.focus();
    }

    row(node) {
      const leaf = node.end === node.index + 1;
      const name = element(
        'th', { scope: 'row', role: 'rowheader', class: 'name' },
        element('i', { class: leaf ? 'leaf' : 'toggle', 'aria-hidden': 'true' }), element('bdi', { class: 'label' }, node.label),
      );
      if (node.state) name.append(' ', element('span', { class: `tag ${STATES[node.state]}` }, STATES[node.state]));
      if (node.remark) name.append(' ', element('span', { class: 'remark' }, node.remark));
      const cells = this.columns().map((column) => this.cell(node, column));
      const row = element('tr', { role: 'row', 'aria-level': node.depth + 1, tabindex: '-1' }, name, ...cells);
      row.style.setProperty('--depth', node.depth);
      row.node = node;
      return row;
    }

    cell(node, { label, metric, side, kind }) {
      const made = element('td', { role: 'gridcell', class: `${kind} ${metric}`, 'data-label': label });
      made.style.setProperty('--line-of-metric', METRICS.indexOf(metric) + 2); // where the page is narrow, below the name
      const value = node.figures[metric];
      if (!side) made.append(...this.bars(node, SHARES.indexOf(metric)));
      else if (Array.isArray(value)) made.append(value[['base', 'head', 'change'].indexOf(side)]);
      else if (side !== 'change') made.append(value);
      if (!made.textContent) made.replaceChildren();
      if (side === 'change' && Array.isArray(value)) made.classList.add(value[2].startsWith('−') ? 'down' : 'up');
      return made;
    }

    // Thousandths of the whole, head's first; a side without a share has no bar.
    bars(node, place) {
      const bars = element('div', { class: 'bars' });
      const sides = this.both ? ['head', 'base'] : this.sides;
      sides.forEach((side, index) => {
        const share = node.shares[SHARES.length * index + place];
        if (share < 0) return;
        const fill = element('i', { class: side === 'base' && this.both ? 'of-base' : '' });
        fill.style.width = `${share / 10}%`;
        bars.append(element('div', { class: 'track', 'aria-hidden': 'true' }, fill));
        bars.append(element('span', {}, element('span', { class: 'group' }, this.both ? `${side} ` : ''), `${(share / 10).toFixed(1)} %`));
      });
      return bars.childNodes.length ? [bars] : [];
    }

    clicked(event) {
      const row = event.target.closest('[role="row"]');
      if (!row) return;
      this.choose(row.node, true);
      if (event.target.closest('.name') && !String(getSelection())) this.toggle(row.node, !row.node.open);
    }

    toggle(node, open) {
      if (node.end === node.index + 1) return;
      node.open = open;
      this.draw();
    }

    pressed(event) {
      if (event.altKey || event.ctrlKey || event.metaKey) return;
      const { node } = event.target.closest('[role="row"]');
      const shown = this.visible();
      const at = shown.indexOf(node);
      const below = node.end > node.index + 1;
      const keys = {
        ArrowDown: () => shown[at + 1],
        ArrowUp: () => shown[at - 1],
        Home: () => shown[0],
        End: () => shown[shown.length - 1],
        ArrowRight: () => (below && !node.open ? this.toggle(node, true) : below && shown[at + 1]),
        ArrowLeft: () => (below && node.open ? this.toggle(node, false) : this.parent(node)),
        Enter: () => this.toggle(node, !node.open),
        ' ': () => this.toggle(node, !node.open),
      };
      if (!Object.hasOwn(keys, event.key)) return;
      event.preventDefault();
      const next = keys[event.key]();
      if (next) this.choose(next, true);
    }
  }
})();
