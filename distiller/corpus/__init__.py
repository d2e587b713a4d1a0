"""A team's own documents: read, cut into passages, folded, indexed, mined for hard negatives."""
