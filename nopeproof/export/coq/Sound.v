(* What `check` accepts, holds: layer by layer, for every word of every length, and then claim by claim. *)

From Coq Require Import ZArith NArith QArith Qreduction List Bool Field Lia.
From Nopeproof Require Import Model Numbers Poly Symbolic Heads Means Units.
Import ListNotations.
Open Scope nat_scope.

Lemma same_as_first_ok l ok : same_as_first l ok = true ->
  l = [] \/ exists a, ok a = true /\ forall o, In o l -> exists r, o = Some r /\ (r = a \/ replaces a r = true).
Proof.
  unfold same_as_first. destruct (all_some l) as [[| a rest] |] eqn:E; [| | discriminate]; rewrite <- (map_id l) in E; apply all_some_ok in E; intro H.
  - left. now inversion E.
  - right. apply andb_prop in H as [H1 H2]. rewrite forallb_forall in H2. exists a. split; [assumption |]. intros o I.
    destruct (Forall2_in _ _ _ o E I) as (r & [-> | Ir] & ->); eexists; split; try reflexivity; [now left | right; now apply H2].
Qed.
Lemma paired {A B : Type} (S S' : list (A * B)) q : map fst S = map fst S' -> In q (map fst S) -> exists s s', In ((q, s), (q, s')) (combine S S').
Proof.
  revert S'. induction S as [| [p s] S IH]; intros [| [p' s'] S']; cbn; try discriminate; [contradiction |].
  intros [= -> E] [-> | I]; [exists s, s'; now left |]. destruct (IH S' E I) as (u & u' & ?). exists u, u'. now right.
Qed.

Lemma numbered {A : Type} (l : list A) d n a m : In (n, a) (combine (seq m (length l)) l) -> nth (n - m) l d = a.
Proof.
  revert m. induction l as [| b l IH]; intro m; cbn; [contradiction |]. intros [[= <- <-] | I]; [now rewrite Nat.sub_diag |].
  specialize (IH _ I). apply in_combine_l, in_seq in I. destruct (n - m) as [| k] eqn:E; [lia |]. now replace (n - S m) with k in IH by lia.
Qed.

Section Run.
  Context {F : field}.
  Add Field sound_field : (is_field F).
  Local Open Scope number_scope.
  Variables (sym : nat -> F) (any : nat -> nat -> nat -> nat -> F) (T : nat) (c : circuit) (h : hints) (w : word F).
  Hypothesis good : good_word F c w.
  Hypothesis fits_T : (length w <= T)%nat.
  Notation after_ := (after F sym any T c w).
  Notation class_at t := (fst (at_ w t)).
  Notation here_ := (here sym any T c h w).
  Notation val_ := (val sym T).
  Notation at_place_ := (at_place c h).
  Hint Resolve roots_val : core.

  Definition fits_case (q : case) (t : nat) : Prop := (1 <= t <= length w)%nat /\ fst q = class_at t /\ at_place_ (snd q) t.

  Lemma cover t : (1 <= t <= length w)%nat -> exists q, In q (cases c h) /\ fits_case q t.
  Proof.
    intro Ht. pose proof (class_known c w good t Ht) as I. destruct (is_bos c (class_at t)) eqn:B.
    - exists (class_at t, Fixed 1). split; [| repeat split; try lia; cbn; now apply (bos_at_1 c w good)].
      apply in_flat_map. exists (class_at t). split; [assumption |]. rewrite B. now left.
    - assert (P : exists p, In p (places c h) /\ at_place_ p t).
      { unfold places. assert (F1 : (first_t c <= t)%nat).
        { unfold first_t. unfold is_bos in B. destruct (good t Ht) as [_ G]. destruct (bos c) as [b |]; cbn; [| lia].
          apply Nat.eqb_neq in B. destruct (Nat.eq_dec t 1) as [E |]; [now apply G in E | lia]. }
        destruct (Nat.lt_ge_cases t (start c h)) as [L | G].
        - exists (Fixed t). split; [| reflexivity]. apply in_or_app. left. apply in_map, in_seq. lia.
        - pose proof (Nat.div_mod (t - start c h) (period h)) as D. pose proof (Nat.mod_upper_bound (t - start c h) (period h)) as U.
          assert (N : period h <> 0%nat) by (unfold period; lia). specialize (D N). specialize (U N).
          exists (Mod (start c h + (t - start c h) mod period h)). split; [| cbn [at_place]; lia]. apply in_or_app. right. apply in_map, in_seq. lia. }
      destruct P as (p & Ip & Hp). exists (class_at t, p). split; [| repeat split; try lia; assumption].
      apply in_flat_map. exists (class_at t). split; [assumption |]. rewrite B. now apply in_map.
  Qed.
  Lemma sees q k q' k' t i : fits_case q t -> fits_case k i -> (i <= t)%nat -> alike c q' q = true -> alike c k' k = true -> may_see c q' k' = true.
  Proof.
    intros (Ht & Hq & _) (Hi & Hk & _) L A B. apply andb_prop in A as [_ A], B as [_ B]. apply eqb_prop in A, B. unfold may_see.
    destruct (is_bos c (fst q')) eqn:Q'; [| reflexivity]. cbn. symmetry in A. rewrite Hq in A. pose proof (bos_at_1 c w good t Ht A) as E.
    replace i with t in Hk by lia. rewrite Hk, A in B. unfold is_bos in B, Q'. destruct (bos c); [| discriminate].
    apply Nat.eqb_eq in B, Q'. rewrite B, Q'. apply Nat.eqb_refl.
  Qed.

  Definition states_ok (l : nat) (S : list (case * stream)) : Prop :=
    map fst S = cases c h /\
    forall q s, In (q, s) S -> forall t, fits_case q t -> forall y aux i, stands F (val_ (here_ t) y aux) (get l Here s i) (after_ l t i).

  Lemma state_var x y aux l i (side : bool) :
    stands F (val_ x y aux) (rpoly (pvar ((if side then There else Here) (State (N.of_nat l) (N.of_nat i))))) ((if side then y else x) (State (N.of_nat l) (N.of_nat i))).
  Proof.
    replace ((if side then y else x) _) with (peval F (val_ x y aux) (pvar ((if side then There else Here) (State (N.of_nat l) (N.of_nat i))))); [now apply rpoly_ok |].
    rewrite pvar_ok. now destruct side.
  Qed.
  Lemma here_state l t i : here_ t (State (N.of_nat l) (N.of_nat i)) = after_ l t i.
  Proof. cbn [here]. now rewrite !Nat2N.id. Qed.

  Lemma key_stream_ok l s t : (forall y aux i, stands F (val_ (here_ t) y aux) (get l Here s i) (after_ l t i)) ->
    forall x aux i, stands F (val_ x (here_ t) aux) (key_stream l s i) (after_ l t i).
  Proof.
    intros H x aux i. unfold key_stream, get.
    change (rpoly (pvar (There (State (N.of_nat l) (N.of_nat i))))) with (rmap to_there (rpoly (pvar (Here (State (N.of_nat l) (N.of_nat i)))))).
    rewrite map_nth. apply to_there_ok. apply H.
  Qed.
  Lemma distinct_ok {A : Type} (same_ : A -> A -> bool) keys a s : (forall a, same_ a a = true) -> In (a, s) keys ->
    exists a' s', In (a', s') (distinct same_ keys) /\ same_ a' a = true /\ streams_equal s' s = true.
  Proof.
    intro SR.
    assert (Refl : forall s, streams_equal s s = true).
    { assert (M : forall n, N.compare n n = Eq) by (intro; now apply N.compare_eq_iff).
      assert (C : forall l, compare_codes l l = Eq) by (induction l; cbn; [reflexivity | now rewrite M]).
      assert (Mo : forall m, compare_monos m m = Eq) by (induction m as [| [v n] m IH]; cbn; [reflexivity |]; unfold compare_vars; now rewrite C, M).
      assert (P : forall p, pequal p p = true).
      { induction p as [| [m q] p IH]; cbn; [reflexivity |]. rewrite Mo, IH, andb_true_r. now apply Qeq_eq_bool. }
      induction s0 as [| x s0 IH]; cbn; [reflexivity |]. now rewrite !P. }
    induction keys as [| k keys IH]; cbn [distinct]; [contradiction |]. cbv zeta. intros [-> | I].
    - destruct (existsb _ (distinct same_ keys)) eqn:E; [| exists a, s; repeat split; [now left | apply SR | apply Refl]].
      apply existsb_exists in E as ([a' s'] & I & E). cbn [fst snd] in E. apply andb_prop in E as [E1 E2]. now exists a', s'.
    - destruct (IH I) as (a' & s' & I' & E). exists a', s'. split; [| assumption]. destruct (existsb _ (distinct same_ keys)); [assumption | now right].
  Qed.
  Lemma streams_equal_ok rho l side s s' i z : streams_equal s s' = true -> stands F rho (get l side s' i) z -> stands F rho (get l side s i) z.
  Proof.
    unfold get. generalize (rpoly (pvar (side (State (N.of_nat l) (N.of_nat i))))) as d. intro d. revert s' i. induction s as [| x s IH]; intros [| x' s'] i; cbn [streams_equal]; try discriminate; [intros _ H; exact H |].
    intro E. apply andb_prop in E as [E E3]. apply andb_prop in E as [E1 E2]. destruct i as [| i]; cbn [nth]; [| now apply IH].
    apply (pequal_ok F rho) in E1, E2. unfold stands. now rewrite E1, E2.
  Qed.
  Lemma keys_known l S : states_ok l S -> keys_ok sym any T c h w l (keys_of l S).
  Proof.
    intros [E H] j Hj. destruct (cover j Hj) as (q & I & Q). rewrite <- E in I. apply in_map_iff in I as ([q' s] & E' & I). cbn in E'. subst q'.
    pose proof (in_map (fun qs : case * stream => (fst (fst qs), map (rmap to_there) (snd qs))) _ _ I) as M. cbn [fst snd] in M.
    apply (distinct_ok Nat.eqb) in M as (a' & s' & M & Ea & Eq'); [| apply Nat.eqb_refl]. apply Nat.eqb_eq in Ea. subst a'. exists (get l There s'). split.
    - unfold keys_of. apply in_map_iff. exists (fst q, s'). split; [| exact M]. destruct Q as (_ & <- & _). reflexivity.
    - intros x aux i. apply (streams_equal_ok _ l There s' _ i _ Eq'). now apply (key_stream_ok l s j (H q s I j Q)).
  Qed.

  (* --- layers --- *)

  Lemma part_adds_ok l n p keys q X t i v : keys_ok sym any T c h w l keys -> fits_case q t ->
    (forall y aux i, stands F (val_ (here_ t) y aux) (X i) (after_ l t i)) -> (i < d_model c)%nat -> part_adds c h l n p keys q X i = Some v ->
    forall y aux, stands F (val_ (here_ t) y aux) v (adds F sym any T l n p (after_ l) t i).
  Proof.
    intros K (Ht & Hq & Hp) HX Hi H. destruct p as [hd | writes | b | read bias write | read bias write first rise shift floor]; cbn [part_adds adds] in *.
    - now apply (head_adds_ok sym any T c h w good l hd keys q X t).
    - destruct (existsb (Nat.eqb i) writes); [discriminate |]. injection H as <-. intros. now apply rzero_ok.
    - injection H as <-. intros y aux. rewrite <- (entry_fixed sym T (here_ t) y aux). now apply rpoly_ok.
    - destruct q as [a p]. apply (unit_adds_ok sym any T c h w p t Hp ltac:(lia) X (after_ l t) HX read bias write a i v H).
    - destruct q as [a p]. intros y aux. cbv zeta.
      exact (units_adds_ok sym any T c h w p t Hp ltac:(lia) X (after_ l t) HX read bias write a l n first rise shift floor i v H y aux).
  Qed.

  Lemma step_ok l S : states_ok l S -> states_ok (Datatypes.S l) (step c h l S).
  Proof.
    intro St. pose proof (keys_known l S St) as K. destruct St as [E H]. unfold step. cbv zeta.
    set (keys := keys_of l S) in *. set (ps := combine (seq 0 (length (nth l (layers c) []))) (nth l (layers c) [])).
    split; [rewrite map_map; exact E |].
    intros q s I t Q y aux i. apply in_map_iff in I as ([q' s0] & E' & I). cbn [fst snd] in E'. injection E' as -> <-.
    set (x := get l Here s0). unfold get at 1.
    destruct (Nat.lt_ge_cases i (d_model c)) as [L | G].
    2: { rewrite nth_overflow by (rewrite map_length, seq_length; lia). rewrite <- here_state. apply (state_var _ _ _ (Datatypes.S l) i false). }
    rewrite nth_map_seq by assumption.
    destruct (wanted h (Datatypes.S l) i); [| rewrite <- here_state; apply (state_var _ _ _ (Datatypes.S l) i false)].
    set (add i0 f := match snd f i0 with Some a => a | None => rpoly (pvar (Here (Added (N.of_nat l) (N.of_nat (fst f)) (N.of_nat i0)))) end).
    assert (Is : forall n p, In (n, p) ps -> part_at c l n = p).
    { intros n p Inp. unfold part_at. rewrite <- (Nat.sub_0_r n). exact (numbered _ _ n p 0 Inp). }
    change (stands F (val_ (here_ t) y aux) (fold_right (fun f acc => radd (add i f) acc) (x i)
        (map (fun a => (fst a, snd a q x)) (map (fun np => (fst np, part_adds c h l (fst np) (snd np) keys)) ps)))
      (after_ l t i + total (fun np => adds F sym any T l (fst np) (snd np) (after_ l) t i) ps)).
    clearbody ps. induction ps as [| [n p] ps IH]; cbn [map fold_right total fst snd].
    - replace (after_ l t i + zero) with (after_ l t i) by ring. now apply (H q s0 I t Q).
    - replace (after_ l t i + _) with (adds F sym any T l n p (after_ l) t i + (after_ l t i + total (fun np => adds F sym any T l (fst np) (snd np) (after_ l) t i) ps)) by ring.
      apply radd_ok; auto; [| apply IH; intros; apply Is; now right]. unfold add. cbn [fst snd].
      destruct (part_adds c h l n p keys q x i) as [b |] eqn:P.
      + apply (part_adds_ok l n p keys q x t i b); auto. now apply (H q s0 I t Q).
      + match goal with |- stands _ ?rho (rpoly (pvar ?v)) _ => replace (adds F sym any T l n p (after_ l) t i) with (peval F rho (pvar v)); [now apply rpoly_ok |] end.
        rewrite pvar_ok. cbn [val here]. rewrite !Nat2N.id. now rewrite (Is n p (or_introl eq_refl)).
  Qed.

  Lemma states_known l : states_ok l (states c h l).
  Proof.
    induction l as [| l IH]; [| now apply step_ok]. split; [cbn [states]; rewrite map_map; apply map_id |].
    intros q s I t (Ht & Hq & _) y aux i. apply in_map_iff in I as (q' & E & _). injection E as -> <-. unfold get.
    destruct (Nat.lt_ge_cases i (d_model c)) as [L | G].
    - rewrite nth_map_seq by assumption. rewrite Hq. cbn [after].
      rewrite <- (read_entry_ok sym T (here_ t) y aux true false (snd (at_ w t)) zero); [now apply rpoly_ok | | discriminate | discriminate | reflexivity].
      intros _ n. cbn [here]. now rewrite Nat2N.id.
    - rewrite nth_overflow by (rewrite map_length, seq_length; lia). rewrite <- here_state. apply (state_var _ _ _ 0 i false).
  Qed.
  Lemma state_at l t : (1 <= t <= length w)%nat -> exists q s, In (q, s) (states c h l) /\ fits_case q t /\
    forall y aux i, stands F (val_ (here_ t) y aux) (get l Here s i) (after_ l t i).
  Proof.
    intro Ht. destruct (cover t Ht) as (q & I & Q). destruct (states_known l) as [E H]. rewrite <- E in I.
    apply in_map_iff in I as ([q' s] & E' & I). cbn in E'. subst q'. exists q, s. split; [assumption | split; [assumption |]]. now apply (H q s I).
  Qed.

  (* --- claims --- *)

  Notation zeros := (fun _ : N => zero : F).
  Lemma rexpr_ok p pt pi t i e v : at_place_ p t -> (t <= T)%nat -> peval F (val_ (here_ t) (here_ i) zeros) pt = inj t -> peval F (val_ (here_ t) (here_ i) zeros) pi = inj i ->
    rexpr h p pt pi e = Some v -> stands F (val_ (here_ t) (here_ i) zeros) v (eval t i T e).
  Proof.
    intros Hp Ht Et Ei. revert v. set (rho := val_ (here_ t) (here_ i) zeros).
    assert (G : roots F rho) by apply roots_val.
    induction e; intros v H; cbn [rexpr eval] in *.
    1-6: injection H as <-; try now apply rint_ok.
    1: rewrite <- Et; now apply rpoly_ok. 1: rewrite <- Ei; now apply rpoly_ok.
    1-3: match goal with |- stands _ _ (rpoly (pvar ?u)) ?z => change z with (rho u); rewrite <- (pvar_ok F rho u); now apply rpoly_ok end.
    all: destruct (rexpr h p pt pi e1) as [x |]; [| discriminate]; destruct (rexpr h p pt pi e2) as [y |]; [| discriminate];
      specialize (IHe1 x eq_refl); specialize (IHe2 y eq_refl).
    - injection H as <-. now apply radd_ok.
    - injection H as <-. now apply rsub_ok.
    - injection H as <-. now apply rmul_ok.
    - destruct (above_zero _ || above_zero _) eqn:Z; [| discriminate]. injection H as <-.
      assert (N : peval F rho (with_T h p k_ (fst y)) <> zero).
      { pose proof (above_zero_ok sym any T c h w t Ht (here_ i) zeros) as A. fold rho in A. apply orb_prop in Z as [Z | Z].
        - apply A; auto; [apply here_positive | apply le_refl].
        - assert (Q : peval F rho (popp (with_T h p k_ (fst y))) <> zero) by (apply A; auto; [apply here_positive | apply le_refl]).
          rewrite popp_ok in Q by assumption. intro O. apply Q. rewrite O. ring. }
      unfold rho in N. rewrite (with_T_ok sym any T c h w p t Hp Ht) in N.
      rewrite (peval_same _ rho) in N.
      2: { intro u. unfold rho, k_. rewrite pvar_ok. now destruct u as [| | | | | [|] | |]. }
      destruct IHe2 as [N2 E2]. assert (Nz : eval t i T e2 <> (zero : F)) by (intro O; apply N; rewrite E2, O; ring).
      replace (eval t i T e1 / eval t i T e2 : F) with (eval t i T e1 * inv (eval t i T e2) : F) by (field; assumption).
      apply rmul_ok; auto. apply rinv_ok; auto. now split.
  Qed.
  Lemma value_of_ok q k t i e v : fits_case q t -> fits_case k i -> value_of h q k e = Some v -> stands F (val_ (here_ t) (here_ i) zeros) v (eval t i T e).
  Proof.
    intros (Ht & _ & Hq) (Hi & _ & Hk). apply rexpr_ok; auto; [lia | now apply (position_ok sym any T c h w (snd q) t) |].
    unfold there. rewrite pmap_ok. rewrite (peval_same _ (val_ (here_ i) (here_ i) zeros)).
    - now apply (position_ok sym any T c h w (snd k) i).
    - unfold position. intro u. destruct u as [| | | | [|] | | |]; reflexivity.
  Qed.

  Lemma equals_ok l i e t :
    forallb (fun qv => match value_of h (fst qv) (fst qv) e with Some v => same (get l Here (snd qv) i) v | None => false end) (states c h l) = true ->
    (1 <= t <= length w)%nat -> after_ l t i = eval t t T e.
  Proof.
    intros H Ht. destruct (state_at l t Ht) as (q & s & I & Q & S). rewrite forallb_forall in H. specialize (H _ I). cbn [fst snd] in H.
    destruct (value_of h q q e) as [v |] eqn:V; [| discriminate]. apply (same_ok F (val_ (here_ t) (here_ t) zeros)) with (1 := roots_val _ _ _ _ _) (2 := H).
    - apply S.
    - now apply (value_of_ok q q).
  Qed.

  Lemma unchanged_ok l l' coordinates t :
    forallb (fun two => forallb (fun i => same (get l Here (snd (fst two)) i) (get l' Here (snd (snd two)) i)) coordinates) (combine (states c h l) (states c h l')) = true ->
    (1 <= t <= length w)%nat -> agree coordinates (after_ l t) (after_ l' t).
  Proof.
    intros H Ht i Hi. destruct (cover t Ht) as (q & I & Q). destruct (states_known l) as [E S]. destruct (states_known l') as [E' S'].
    rewrite <- E in I. destruct (paired (states c h l) (states c h l') q) as (s & s' & P); [now rewrite E, E' | assumption |].
    rewrite forallb_forall in H. specialize (H _ P). cbn [fst snd] in H. rewrite forallb_forall in H. specialize (H i Hi).
    apply (same_ok F (val_ (here_ t) (here_ t) zeros)) with (1 := roots_val _ _ _ _ _) (2 := H);
      [apply (S q s) | apply (S' q s')]; auto; [exact (in_combine_l _ _ _ _ P) | exact (in_combine_r _ _ _ _ P)].
  Qed.

  Lemma hide_here l content s t : (forall y aux i, stands F (val_ (here_ t) y aux) (get l Here s i) (after_ l t i)) ->
    forall y aux i, stands F (val_ (here_ t) y aux) (hide l Here content (get l Here s) i) (after_ l t i).
  Proof.
    intros H y aux i. unfold hide. destruct (existsb (Nat.eqb i) content); [| apply H]. rewrite <- here_state. apply (state_var _ _ _ l i false).
  Qed.
  Lemma hide_there l content s t : (forall y aux i, stands F (val_ (here_ t) y aux) (get l Here s i) (after_ l t i)) ->
    forall x aux i, stands F (val_ x (here_ t) aux) (hide l There content (key_stream l s) i) (after_ l t i).
  Proof.
    intros H x aux i. unfold hide. destruct (existsb (Nat.eqb i) content); [| now apply key_stream_ok]. rewrite <- here_state. apply (state_var _ _ _ l i true).
  Qed.

  Lemma place_eqb_ok p p' : place_eqb p p' = true -> p = p'.
  Proof. destruct p, p'; cbn; try discriminate; intro H; apply Nat.eqb_eq in H; congruence. Qed.
  Lemma alike_refl q : alike c q q = true.
  Proof. unfold alike. rewrite eqb_reflx, andb_true_r. destruct (snd q); apply Nat.eqb_refl. Qed.
  Lemma face l side content x (P : (var -> F) -> Prop) t : (1 <= t <= length w)%nat ->
    (forall rho s, P rho -> (forall y aux i, stands F (val_ (here_ t) y aux) (get l Here s i) (after_ l t i)) -> forall i, stands F rho (hide l side content (x s) i) (after_ l t i)) ->
    (forall rho i, P rho -> stands F rho (rpoly (pvar (side (State (N.of_nat l) (N.of_nat i))))) (after_ l t i)) ->
    exists q q' f, fits_case q t /\ alike c q' q = true /\ In (q', f) (faces c h l side content x) /\ forall rho i, P rho -> stands F rho (f i) (after_ l t i).
  Proof.
    intros Ht Hx Hv. destruct (state_at l t Ht) as (q & s & I & Q & S).
    pose proof (in_map (fun qs : case * stream => (fst qs, map (hide l side content (x (snd qs))) (seq 0 (d_model c)))) _ _ I) as M. cbn [fst snd] in M.
    apply (distinct_ok (alike c)) in M as (q' & s' & M & A & E); [| apply alike_refl].
    exists q, q', (get l side s'). split; [exact Q | split; [exact A | split]].
    - unfold faces. apply in_map_iff. exists (q', s'). split; [reflexivity | exact M].
    - intros rho i HP. apply (streams_equal_ok rho l side s' _ i _ E). unfold get. destruct (Nat.lt_ge_cases i (d_model c)) as [L | G].
      + rewrite nth_map_seq by assumption. now apply Hx.
      + rewrite nth_overflow by (rewrite map_length, seq_length; lia). now apply Hv.
  Qed.
  Lemma query_face l content t : (1 <= t <= length w)%nat -> exists q q' f, fits_case q t /\ alike c q' q = true /\ In (q', f) (faces c h l Here content (get l Here)) /\
    forall y aux i, stands F (val_ (here_ t) y aux) (f i) (after_ l t i).
  Proof.
    intro Ht. destruct (face l Here content (get l Here) (fun rho => exists y aux, rho = val_ (here_ t) y aux) t Ht) as (q & q' & f & Q & A & I & S).
    - intros rho s (y & aux & ->) S i. now apply hide_here.
    - intros rho i (y & aux & ->). rewrite <- here_state. apply (state_var _ _ _ l i false).
    - exists q, q', f. split; [exact Q | split; [exact A | split; [exact I |]]]. intros y aux i. apply S. now exists y, aux.
  Qed.
  Lemma key_face l content t : (1 <= t <= length w)%nat -> exists q q' f, fits_case q t /\ alike c q' q = true /\ In (q', f) (faces c h l There content (key_stream l)) /\
    forall x aux i, stands F (val_ x (here_ t) aux) (f i) (after_ l t i).
  Proof.
    intro Ht. destruct (face l There content (key_stream l) (fun rho => exists x aux, rho = val_ x (here_ t) aux) t Ht) as (q & q' & f & Q & A & I & S).
    - intros rho s (x & aux & ->) S i. now apply hide_there.
    - intros rho i (x & aux & ->). rewrite <- here_state. apply (state_var _ _ _ l i true).
    - exists q, q', f. split; [exact Q | split; [exact A | split; [exact I |]]]. intros x aux i. apply S. now exists x, aux.
  Qed.
  Lemma value_alike q q' k k' e : alike c q' q = true -> alike c k' k = true -> value_of h q' k' e = value_of h q k e.
  Proof. intros A B. apply andb_prop in A as [A _], B as [B _]. apply place_eqb_ok in A, B. unfold value_of. now rewrite A, B. Qed.

  Lemma score_rest_known l hd e content t i : (1 <= i <= t)%nat -> (t <= length w)%nat -> exists o, In o (score_rests c h l hd e content) /\
    forall r, o = Some r -> stands F (val_ (here_ t) (here_ i) zeros) r (score F sym T hd (after_ l t) (after_ l i) - eval t i T e).
  Proof.
    intros Hi Ht. destruct (query_face l content t) as (q & q' & f & Q & A & I & S); [lia |].
    destruct (key_face l content i) as (k & k' & g & Qk & Ak & Ik & Sk); [lia |].
    exists (match value_of h q' k' e with Some v => Some (rsub (rscore hd (reads (W_Q hd) f) (reads (W_K hd) g)) v) | None => None end). split.
    - unfold score_rests. cbv zeta. apply in_flat_map. exists (q', f). split; [assumption |]. cbn [fst snd].
      apply in_map_iff. exists (k', reads (W_K hd) g). split; [reflexivity |]. apply filter_In. split.
      + apply in_map_iff. exists (k', g). split; [reflexivity | assumption].
      + cbn [fst]. apply (sees q k q' k' t i); auto. lia.
    - intros r H. rewrite (value_alike q q' k k' e A Ak) in H. destruct (value_of h q k e) as [v |] eqn:V; [| discriminate]. injection H as <-. apply rsub_ok; auto.
      + apply rscore_ok; apply reads_ok; intro; [apply S | apply Sk].
      + now apply (value_of_ok q k).
  Qed.

  Lemma gaps_ok l one two t : score_gaps c h l one two = true -> (1 <= t <= length w)%nat ->
    exists g, forall i, (1 <= i <= t)%nat -> score F sym T one (after_ l t) (after_ l i) = score F sym T two (after_ l t) (after_ l i) + g.
  Proof.
    intros H Ht. destruct (query_face l [] t Ht) as (q & q' & f & Q & A & I & S). unfold score_gaps in H. cbv zeta in H. rewrite forallb_forall in H. specialize (H _ I).
    cbn [fst snd] in H. apply same_as_first_ok in H.
    match type of H with ?l0 = [] \/ _ => set (gaps := l0) in * end.
    assert (P : forall i, (1 <= i <= t)%nat -> exists r, In (Some r) gaps /\ stands F (val_ (here_ t) (here_ i) zeros) r
      (score F sym T one (after_ l t) (after_ l i) - score F sym T two (after_ l t) (after_ l i))).
    { intros i Hi. destruct (key_face l [] i) as (k & k' & g & Qk & Ak & Ik & Sk); [lia |]. eexists. split.
      - unfold gaps. apply in_map_iff. exists (k', (reads (W_K one) g, reads (W_K two) g)). split; [reflexivity |]. apply filter_In. split.
        + apply in_map_iff. exists (k', g). split; [reflexivity | assumption].
        + cbn [fst]. apply (sees q k q' k' t i); auto. lia.
      - cbn [fst snd]. apply rsub_ok; auto; apply rscore_ok; apply reads_ok; intro; first [apply S | apply Sk]. }
    destruct H as [H | (a & Ha & H)].
    - destruct (P t) as (r & Ir & _); [lia |]. rewrite H in Ir. contradiction.
    - exists (rval (val_ (here_ t) (here_ t) zeros) a). intros i Hi. destruct (P i Hi) as (r & Ir & Sr). destruct (H _ Ir) as (r' & [= <-] & O).
      assert (Sa : stands F (val_ (here_ t) (here_ i) zeros) a (score F sym T one (after_ l t) (after_ l i) - score F sym T two (after_ l t) (after_ l i))).
      { destruct O as [-> | O]; [assumption |]. exact (replaces_ok sym T _ _ _ a r _ O Sr). }
      apply (stands_ext F not_there _ (val_ (here_ t) (here_ t) zeros)) in Sa; [| intros u Hu; apply (not_there_val sym T); exact Hu | assumption].
      rewrite (rval_stands _ _ _ Sa). ring.
  Qed.
  Lemma same_attention_ok one two x t i g : (1 <= i <= t)%nat ->
    (forall j, (1 <= j <= t)%nat -> score F sym T one (x t) (x j) = score F sym T two (x t) (x j) + g) -> attention F sym T one x t i = attention F sym T two x t i.
  Proof.
    intros Hi H. unfold attention. rewrite H, exp_add by assumption.
    rewrite (sum_ext F t (fun j => exp (score F sym T one (x t) (x j))) (fun j => exp (score F sym T two (x t) (x j)) * exp g)) by (intros j Hj; now rewrite H, exp_add).
    rewrite sum_scale. pose proof (exps_positive sym T two x t ltac:(lia)). pose proof (proj2 (exp_positive F g)). field. now split.
  Qed.
End Run.

(* The one function of the contents: what is left of the score, read with the contents for its variables. *)
Definition content_val {F : field} (sym : nat -> F) (x y : nat -> F) : var -> F :=
  let read x a := match a with State _ i => x (N.to_nat i) | _ => zero end in val sym 0 (read x) (read y) (fun _ => zero).

Theorem accepted (c : circuit) (h : hints) (s : scope) (statement : claim) : check c h s statement = true -> holds c s statement.
Proof.
  intro H. apply andb_prop in H as [Fits H]. split; [exact Fits |]. intros F sym. cbv zeta. destruct statement as [l i e | l l' coordinates | l n e content | l n n'].
  - intros any T w t [G L] Ht. now apply (equals_ok sym any T c h w G L l i e t).
  - intros any T w t [G L] Ht. now apply (unchanged_ok sym any T c h w G L l l' coordinates t).
  - destruct (part_at c l n) as [hd | | | |]; try discriminate. apply same_as_first_ok in H. destruct H as [H | (a & Ha & H)].
    + exists (fun _ _ => zero). split; [reflexivity | split; [reflexivity |]]. intros any T w t i [G L] Hi Ht.
      destruct (score_rest_known sym any T c h w G L l hd e content t i Hi Ht) as (o & I & _). rewrite H in I. contradiction.
    + exists (fun x y => match content with [] => zero | _ => rval (content_val sym x y) a end). split; [now intros -> | split].
      * intros x x' y y' Ax Ay. destruct content as [| c0 content]; [reflexivity |].
        assert (E : forall v, of_content l (c0 :: content) v = true -> content_val sym x y v = content_val sym x' y' v).
        { intros v Hv. destruct v as [| | | | [|] | | [] | []]; try discriminate; try reflexivity; cbn [of_content] in Hv; apply andb_prop in Hv as [_ Hv];
            apply existsb_exists in Hv as (j & Hj & Ej); apply Nat.eqb_eq in Ej; cbn [content_val val]; [apply Ax | apply Ay]; now rewrite Ej. }
        apply andb_prop in Ha as [H1 H2]. unfold rval. now rewrite (peval_ext F _ _ _ _ E H1), (peval_ext F _ _ _ _ E H2).
      * intros any T w t i [G L] Hi Ht. destruct (score_rest_known sym any T c h w G L l hd e content t i Hi Ht) as (o & I & S).
        destruct (H o I) as (r & -> & O). specialize (S r eq_refl).
        assert (Sa : stands F (val sym T (here sym any T c h w t) (here sym any T c h w i) (fun _ => zero)) a
          (sub (score F sym T hd (after F sym any T c w l t) (after F sym any T c w l i)) (eval t i T e))).
        { destruct O as [-> | O]; [assumption |]. exact (replaces_ok sym T _ _ _ a r _ O S). }
        set (z := sub _ _) in Sa. assert (E : z = match content with [] => zero | _ => rval (content_val sym (after F sym any T c w l t) (after F sym any T c w l i)) a end).
        { destruct content as [| c0 content].
          - apply (pequal_ok F (val sym T (here sym any T c h w t) (here sym any T c h w i) (fun _ => zero))) in Ha. destruct Sa as [N Sa]. rewrite Ha in Sa.
            apply (cancel F _ _ _ N). rewrite <- Sa. cbn. symmetry. apply (zero_times F).
          - symmetry. apply rval_stands. revert Sa. apply (stands_ext F (of_content l (c0 :: content))); [| exact Ha].
            intros v Hv. destruct v as [| | | | [|] | | [] | []]; try discriminate; try reflexivity; cbn [of_content] in Hv; apply andb_prop in Hv as [Hv _];
              apply N.eqb_eq in Hv; subst; cbn [content_val val here]; now rewrite Nat2N.id. }
        rewrite <- E. unfold z. apply (plus_minus F).
  - destruct (part_at c l n) as [one | | | |]; try discriminate. destruct (part_at c l n') as [two | | | |]; try discriminate.
    intros any T w t i [G L] Hi Ht. destruct (gaps_ok sym any T c h w G L l one two t H) as (g & Hg); [lia |].
    now apply same_attention_ok with (w := w) (g := g).
Qed.
