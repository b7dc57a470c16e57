{{
    config(
        materialized="incremental",
        unique_key="contact_id",
        tags=unfed_tags("contacts"),
        indexes=[
            {"columns": ["contact_id"], "unique": true},
            {"columns": ["person_id", "contact_date"]},
        ],
    )
}}

-- Contacts that anybody reported to have made: campaigns and, once they report, our own lists. An
-- entry of a list is an order to contact; it counts here when the channel says it was carried out.
-- Grain: one row per contact.
{{ fact_from_feed("contacts", key="contact_id", day="contact_date") }}
