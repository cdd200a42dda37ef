//! What each table counts: rows of (unit, measure, number). Every query reads the state at the end of the day `$month_end`.

/// The units that a row may be about.
pub(super) const REGISTER: &str = "
select unit_id, arrow_cast(unit_code, 'Utf8') as unit_code, arrow_cast(unit_name, 'Utf8') as unit_name, arrow_cast(system, 'Utf8') as system,
  arrow_cast(region, 'Utf8') as region, arrow_cast(parent_code, 'Utf8') as parent_code
from unit order by unit_id";

/// Somebody with two rows in one unit and group is one person, under the first of the types. Entries and exits of the year are the
/// difference between two lists, last year's end and now, so that opening + entries - exits is always what there is.
pub(super) const QUOTA: &str = "
with type_group as (
  select * from (values
    ('administrative', 'a'), ('political-legal', 'a'), ('worker', 'a'),
    ('institution', 'i'), ('civil-like', 'i'), ('pool', 'i')
  ) as v (quota_type, quota_group)
),
in_force as (
  select unit_id, quota_type, amount, rank() over (partition by unit_id, quota_type order by effective_on desc nulls last) as place
  from quota
  where (effective_on is null or effective_on <= $month_end) and (ends_on is null or ends_on > $month_end)
),
spell as (
  select e.unit_id, g.quota_group, e.quota_type, e.person_id,
    coalesce(cast(e.person_id as varchar), concat(e.feed, ':', cast(e.row_no as varchar))) as who,
    (e.entered_on is null or e.entered_on <= $month_end) and (e.exited_on is null or e.exited_on > $month_end) as is_now,
    (e.entered_on is null or e.entered_on <= $year_before) and (e.exited_on is null or e.exited_on > $year_before) as was_then
  from establishment e
  join type_group g on g.quota_type = e.quota_type
  where e.counts is not false
),
holder as (
  select unit_id, quota_group, who, min(person_id) as person_id, min(quota_type) filter (where is_now) as quota_type,
    bool_or(is_now) as is_now, bool_or(was_then) as was_then
  from spell where is_now or was_then
  group by unit_id, quota_group, who
),
due as (
  select h.unit_id, months_between(cast($month as int), retirement_month(p.birth_date, p.sex,
    case when p.sex = 'female' then case when h.quota_type = 'worker' then 'woman-50' else 'woman-55' end end)) as months
  from (select unit_id, person_id, max(quota_type) as quota_type from holder where is_now group by unit_id, person_id) h
  join person p on p.person_id = h.person_id
),
away as (
  select from_unit_id, to_unit_id, person_id
  from secondment
  where (from_on is null or from_on <= $month_end) and (returned_on is null or returned_on > $month_end)
    and (to_on is null or to_on >= $month_end or returned_on is null)
),
counted as (
  select f.unit_id, concat(f.quota_type, '-approved') as measure, cast(sum(f.amount) as bigint) as value
  from in_force f
  left join unit u on u.unit_id = f.unit_id
  where f.place = 1 and (u.unit_id is null or ((u.set_up_on is null or u.set_up_on <= $month_end)
    and (u.abolished_on is null or u.abolished_on > $month_end)))
  group by f.unit_id, f.quota_type
  union all
  select unit_id, concat(quota_type, '-actual'), count(*) from holder where is_now group by unit_id, quota_type
  union all
  select unit_id, 'non-quota-actual', count(distinct person_id) from establishment
  where quota_type = 'non-quota' and (entered_on is null or entered_on <= $month_end) and (exited_on is null or exited_on > $month_end)
  group by unit_id
  union all
  select unit_id, 'opening', count(*) from holder where was_then group by unit_id
  union all
  select unit_id, 'year-in', count(*) from holder where is_now and not was_then group by unit_id
  union all
  select unit_id, 'year-out', count(*) from holder where was_then and not is_now group by unit_id
  union all
  select unit_id, 'retire-3', count(*) from due where months between 1 and 3 group by unit_id
  union all
  select unit_id, 'retire-6', count(*) from due where months between 1 and 6 group by unit_id
  union all
  select unit_id, 'retire-12', count(*) from due where months between 1 and 12 group by unit_id
  union all
  select from_unit_id, 'lent', count(distinct person_id) from away group by from_unit_id
  union all
  select to_unit_id, 'borrowed', count(distinct person_id) from away group by to_unit_id
)
select unit_id, arrow_cast(measure, 'Utf8') as measure, cast(value as bigint) as value from counted where value is not null";

/// A post held concurrently counts at the main unit alone and is shown beside; somebody with two rows in one class counts once.
pub(super) const LEADERS: &str = "
with in_force as (
  select unit_id, post_class, amount, rank() over (partition by unit_id, post_class order by effective_on desc nulls last) as place
  from leader_quota
  where effective_on is null or effective_on <= $month_end
),
held as (
  select o.unit_id, o.post_class, o.person_id, o.concurrent is true as concurrent, min(o.from_on) as from_on
  from post o
  where o.is_leader is not false and o.post_class is not null and o.person_id is not null
    and (o.from_on is null or o.from_on <= $month_end) and (o.to_on is null or o.to_on > $month_end)
  group by o.unit_id, o.post_class, o.person_id, o.concurrent is true
),
leader as (
  select h.unit_id, h.person_id, min(h.from_on) as from_on, min(p.sex) as sex, min(p.birth_date) as birth_date,
    months_between(cast($month as int), retirement_month(min(p.birth_date), min(p.sex),
      case when min(p.sex) = 'female' then 'woman-55' end)) as months
  from held h
  join person p on p.person_id = h.person_id
  where not h.concurrent
  group by h.unit_id, h.person_id
),
counted as (
  select f.unit_id, concat(f.post_class, '-approved') as measure, cast(max(f.amount) as bigint) as value
  from in_force f
  left join unit u on u.unit_id = f.unit_id
  where f.place = 1 and (u.abolished_on is null or u.abolished_on > $month_end)
  group by f.unit_id, f.post_class
  union all
  select unit_id, concat(post_class, '-actual'), count(*) from held where not concurrent group by unit_id, post_class
  union all
  select unit_id, 'concurrent', count(*) from held where concurrent group by unit_id
  union all
  select unit_id, 'leaders', count(*) from leader group by unit_id
  union all
  select unit_id, 'women', count(*) from leader where sex = 'female' group by unit_id
  union all
  select unit_id, 'under-45', count(*) from leader where age_years(birth_date, $month_end) < 45 group by unit_id
  union all
  select unit_id, 'ten-years', count(*) from leader where months_between(month_of(from_on), cast($month as int)) >= 120 group by unit_id
  union all
  select unit_id, 'retire-3', count(*) from leader where months between 1 and 3 group by unit_id
  union all
  select unit_id, 'retire-6', count(*) from leader where months between 1 and 6 group by unit_id
  union all
  select unit_id, 'retire-12', count(*) from leader where months between 1 and 12 group by unit_id
)
select unit_id, arrow_cast(measure, 'Utf8') as measure, cast(value as bigint) as value from counted where value is not null";

/// Each thing is fine or not: `all = fine + without`.
pub(super) const CONSISTENCY: &str = "
with archived as (select distinct document_no from document),
existing as (
  select u.unit_id, a.document_no is not null as fine, u.set_up_document is null as unnamed
  from unit u
  left join archived a on a.document_no = u.set_up_document
  where (u.set_up_on is null or u.set_up_on <= $month_end) and (u.abolished_on is null or u.abolished_on > $month_end)
),
on_file as (
  select distinct person_id from employment
  where person_id is not null and (start_on is null or start_on <= $month_end) and (end_on is null or end_on > $month_end)
),
staff as (
  select e.unit_id, e.person_id, max(f.person_id) is not null as fine
  from establishment e
  left join on_file f on f.person_id = e.person_id
  where e.counts is not false and e.person_id is not null
    and (e.entered_on is null or e.entered_on <= $month_end) and (e.exited_on is null or e.exited_on > $month_end)
  group by e.unit_id, e.person_id
),
entry as (
  select unit_id, document_no from quota
  where (effective_on is null or effective_on <= $month_end) and (ends_on is null or ends_on > $month_end)
  union all
  select unit_id, document_no from leader_quota where effective_on is null or effective_on <= $month_end
),
ledger as (
  select e.unit_id, a.document_no is not null as fine, e.document_no is null as unnamed
  from entry e
  left join archived a on a.document_no = e.document_no
),
counted as (
  select unit_id, 'unit-all' as measure, count(*) as value from existing group by unit_id
  union all select unit_id, 'unit-fine', count(*) from existing where fine group by unit_id
  union all select unit_id, 'unit-without', count(*) from existing where not fine group by unit_id
  union all select unit_id, 'unit-unnamed', count(*) from existing where unnamed group by unit_id
  union all select unit_id, 'person-all', count(*) from staff group by unit_id
  union all select unit_id, 'person-fine', count(*) from staff where fine group by unit_id
  union all select unit_id, 'person-without', count(*) from staff where not fine group by unit_id
  union all select unit_id, 'ledger-all', count(*) from ledger group by unit_id
  union all select unit_id, 'ledger-fine', count(*) from ledger where fine group by unit_id
  union all select unit_id, 'ledger-without', count(*) from ledger where not fine group by unit_id
  union all select unit_id, 'ledger-unnamed', count(*) from ledger where unnamed group by unit_id
)
select unit_id, arrow_cast(measure, 'Utf8') as measure, cast(value as bigint) as value from counted";
